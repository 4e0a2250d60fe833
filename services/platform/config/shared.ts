import { Type } from 'typebox'
import { names } from '../resources.ts'
import { tracingProperties } from './tracing.ts'

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
export const bucketName = {
  minLength: 3,
  maxLength: 63,
  pattern: '^(?!.*[.][.])[a-z0-9][a-z0-9.-]*[a-z0-9]$',
} as const

/** Variables that every process reads. */
export const sharedProperties = {
  AWS_REGION: Type.String({ minLength: 1, description: 'The AWS region of every resource.' }),
  UPLOAD_BUCKET: Type.String({ ...bucketName, description: 'The bucket that uploads are stored in.' }),
  STREAM_NAME: Type.String({
    minLength: 1,
    maxLength: 128,
    pattern: '^[a-zA-Z0-9_.-]+$',
    default: names.stream,
    description: 'The Kinesis stream of upload events.',
  }),
  UPLOADS_TABLE: Type.String({
    minLength: 3,
    maxLength: 255,
    pattern: '^[a-zA-Z0-9_.-]+$',
    default: names.uploadsTable,
    description: 'The DynamoDB table of upload records.',
  }),
  LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'The least severe level that is logged.',
  }),
  SHUTDOWN_TIMEOUT_MS: Type.Integer({
    minimum: 1_000,
    maximum: 900_000,
    default: 25_000,
    description:
      'Maximum duration of a shutdown, in milliseconds. Keep it below the stop timeout of the task (30 s on Fargate).',
  }),
  ...tracingProperties,
}

/** Read by the api and the worker. */
export const scannerProperty = {
  SCANNER: Type.Enum(['none', 'clamd', 'guardduty'], {
    default: 'none',
    description:
      'What scans uploads for malware before they are processed: `clamd`, or the tags of GuardDuty Malware Protection for S3. Give the api and the worker the same value: with a scanner, the api withholds files that were not scanned.',
  }),
}
