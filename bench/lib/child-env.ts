import { devNull } from 'node:os'
import { account } from '../../services/local/account.ts'
import { names } from '../../services/platform/resources.ts'

export interface ChildEnvSettings {
  /** The endpoint of S3 and DynamoDB. */
  aws: string
  kinesis: string
  issuer: string
}

/**
 * Returns the whole environment of a measured service. It contains nothing of the user's environment, where a profile
 * could change retries or checksums, and Node options could change Node.
 */
export function childEnv({ aws, kinesis, issuer }: ChildEnvSettings): NodeJS.ProcessEnv {
  return {
    AWS_REGION: account.region,
    AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL: aws,
    AWS_ENDPOINT_URL_KINESIS: kinesis,
    COGNITO_ISSUER: issuer,
    COGNITO_USER_POOL_ID: account.userPoolId,
    COGNITO_CLIENT_ID: account.userPoolClientId,
    UPLOAD_BUCKET: names.uploadBucket,
    STREAM_NAME: names.stream,
    UPLOADS_TABLE: names.uploadsTable,
    HOST: '127.0.0.1',
    PORT: '0',
    NODE_ENV: 'production',
  }
}
