import { type Static, Type } from 'typebox'
import { sharedProperties } from './shared.ts'

const MIB = 1024 ** 2

/** The environment of the api, on Fargate, on Lambda and on a laptop. */
export const apiConfigSchema = Type.Object({
  ...sharedProperties,
  COGNITO_USER_POOL_ID: Type.String({ minLength: 1, description: 'The user pool whose tokens are accepted.' }),
  COGNITO_CLIENT_ID: Type.String({ minLength: 1, description: 'The app client whose tokens are accepted.' }),
  COGNITO_ISSUER: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s]+[^/\\s]$',
      description:
        'The issuer of the tokens, without a slash at its end. Only for an issuer that is not AWS: left out, it is the one that AWS gives the pool.',
    }),
  ),
  HOST: Type.String({ minLength: 1, default: '0.0.0.0', description: 'The address the api listens on.' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 3000, description: 'The port the api listens on.' }),
  TRUST_PROXY: Type.String({
    format: 'proxies',
    default: '',
    description:
      'The proxies whose X-Forwarded-For is believed, as comma-separated addresses or CIDR ranges. Empty: none is.',
  }),
  KEY_TEMPLATE: Type.Enum(['uploads/{owner}/{uploadId}/{filename}', 'uploads/{filename}'], {
    default: 'uploads/{owner}/{uploadId}/{filename}',
    description:
      'The key of an upload. `uploads/{filename}` is flat: two uploads of one name, whoever made them, overwrite each other.',
  }),
  MAX_UPLOAD_BYTES: Type.Integer({
    minimum: 1,
    maximum: 80_000 * MIB,
    default: 5 * 1024 * MIB,
    description:
      'The largest file taken by multipart or as a raw body, in bytes. At most 83886080000: what 10,000 parts of 8 MiB hold.',
  }),
  MAX_JSON_BYTES: Type.Integer({
    minimum: 1_024,
    maximum: 32 * MIB,
    default: MIB,
    description: 'The largest JSON body, in bytes. JSON is held in memory whole.',
  }),
  S3_PUBLIC_ENDPOINT: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s/]+$',
      description:
        'Where clients reach S3, without a slash at its end, for the URLs that they are redirected to. Only where that is not where the api reaches it.',
    }),
  ),
  EVENT_PUT_TIMEOUT_MS: Type.Integer({
    minimum: 100,
    maximum: 25_000,
    default: 3_000,
    description:
      'How long an upload waits for Kinesis to take its event, in milliseconds. After it the answer is 202 and the outbox relay publishes the event.',
  }),
})

export type ApiConfig = Readonly<Static<typeof apiConfigSchema>>

/** The issuer of the pool's tokens: the configured one, else the one that AWS gives the pool. */
export function issuerOf(config: Pick<ApiConfig, 'AWS_REGION' | 'COGNITO_ISSUER' | 'COGNITO_USER_POOL_ID'>): string {
  return (
    config.COGNITO_ISSUER ?? `https://cognito-idp.${config.AWS_REGION}.amazonaws.com/${config.COGNITO_USER_POOL_ID}`
  )
}
