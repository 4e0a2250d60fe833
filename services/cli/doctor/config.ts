import { type Static, Type } from 'typebox'
import { apiConfigSchema } from '../../platform/config/api.ts'
import { workerConfigSchema } from '../../platform/config/worker.ts'
import { UsageError } from '../errors.ts'
import { API_URL_ADVICE } from './http.ts'

const api = apiConfigSchema.properties
const worker = workerConfigSchema.properties

/** The variables of the roles that the doctor checks, and its own variables. */
export const doctorConfigSchema = Type.Object({
  AWS_REGION: api.AWS_REGION,
  UPLOAD_BUCKET: api.UPLOAD_BUCKET,
  PROCESSED_BUCKET: worker.PROCESSED_BUCKET,
  STREAM_NAME: api.STREAM_NAME,
  UPLOADS_TABLE: api.UPLOADS_TABLE,
  COGNITO_USER_POOL_ID: api.COGNITO_USER_POOL_ID,
  COGNITO_CLIENT_ID: api.COGNITO_CLIENT_ID,
  COGNITO_ISSUER: api.COGNITO_ISSUER,
  COGNITO_JWKS_URL: api.COGNITO_JWKS_URL,
  APPLICATION_NAME: worker.APPLICATION_NAME,
  FAILOVER_TIME_MS: worker.FAILOVER_TIME_MS,
  API_URL: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s]+[^\\s/]$',
      description: 'The URL of the api for clients, without a trailing slash.',
    }),
  ),
  API_TOKEN: Type.Optional(Type.String({ minLength: 1, description: 'An id or access token, as clients send it.' })),
  HEADGATE_USERNAME: Type.Optional(
    Type.String({ minLength: 1, description: 'The user that `--deep` signs in if API_TOKEN is unset.' }),
  ),
  HEADGATE_PASSWORD: Type.Optional(Type.String({ minLength: 1, description: 'The password of that user.' })),
  PROCESSOR_FUNCTION: Type.Optional(
    Type.String({
      pattern: '^[\\w:-]{1,170}$',
      description: 'The Lambda function of the worker. Unset: the worker is not a function.',
    }),
  ),
})

export type DoctorConfig = Readonly<Static<typeof doctorConfigSchema>>

/**
 * Returns the configuration with whitespace removed from both ends of the token. A token is often copied with a line break.
 *
 * @throws UsageError if API_URL is not the root of an api, or the token cannot be sent in a header. The message never has
 * the token in it.
 */
export function normalizeConfig(config: DoctorConfig): DoctorConfig {
  if (config.API_URL !== undefined) assertRoot(config.API_URL)
  if (config.API_TOKEN === undefined) return config
  const token = config.API_TOKEN.trim()
  if (/\s/.test(token)) {
    throw new UsageError(
      'API_TOKEN contains whitespace: the token was copied with a line break, or with "Bearer". Set API_TOKEN to the token alone, in one line.',
    )
  }
  // fetch would reject such a header with an error that contains the whole value.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new UsageError(
      'API_TOKEN is empty, or contains characters that are invalid in a token. Set API_TOKEN to the IdToken or AccessToken of a sign-in, in one line.',
    )
  }
  return { ...config, API_TOKEN: token }
}

function assertRoot(text: string): void {
  const problem = problemOf(text)
  if (problem !== undefined) throw new UsageError(`API_URL ${problem}. ${API_URL_ADVICE}`)
}

/** Returns what is wrong with a URL. Never returns the URL itself, which may contain a password. */
function problemOf(text: string): string | undefined {
  if (!URL.canParse(text)) return 'is not a valid URL'
  const { username, password, search, hash, pathname } = new URL(text)
  if (username !== '' || password !== '') return 'contains a user or a password'
  if (search !== '' || hash !== '') return 'has a query or a fragment'
  return pathname.endsWith('/uploads') ? 'ends with /uploads, which is a path below the root' : undefined
}
