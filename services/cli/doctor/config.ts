import { type Static, Type } from 'typebox'
import { apiConfigSchema } from '../../platform/config/api.ts'
import { workerConfigSchema } from '../../platform/config/worker.ts'
import { UsageError } from '../errors.ts'
import { API_URL_ADVICE } from './http.ts'

const api = apiConfigSchema.properties
const worker = workerConfigSchema.properties

/** The part of the roles' configuration that the doctor holds against what is there, and where else it may look. */
export const doctorConfigSchema = Type.Object({
  AWS_REGION: api.AWS_REGION,
  UPLOAD_BUCKET: api.UPLOAD_BUCKET,
  PROCESSED_BUCKET: worker.PROCESSED_BUCKET,
  STREAM_NAME: api.STREAM_NAME,
  UPLOADS_TABLE: api.UPLOADS_TABLE,
  COGNITO_USER_POOL_ID: api.COGNITO_USER_POOL_ID,
  COGNITO_CLIENT_ID: api.COGNITO_CLIENT_ID,
  COGNITO_ISSUER: api.COGNITO_ISSUER,
  APPLICATION_NAME: worker.APPLICATION_NAME,
  FAILOVER_TIME_MS: worker.FAILOVER_TIME_MS,
  API_URL: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s]+[^\\s/]$',
      description: 'Where clients reach the api, without a slash at its end.',
    }),
  ),
  API_TOKEN: Type.Optional(Type.String({ minLength: 1, description: 'An id or access token, as clients send it.' })),
  HEADGATE_USERNAME: Type.Optional(
    Type.String({ minLength: 1, description: 'The user that `--deep` signs in, where there is no API_TOKEN.' }),
  ),
  HEADGATE_PASSWORD: Type.Optional(Type.String({ minLength: 1, description: 'The password of that user.' })),
  PROCESSOR_FUNCTION: Type.Optional(
    Type.String({ pattern: '^[\\w:-]{1,170}$', description: 'The Lambda function that processes, where one does.' }),
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
      'API_TOKEN has whitespace inside: a wrapped line was copied, or "Bearer" in front of the token. Set API_TOKEN to the token alone, in one line.',
    )
  }
  // The error of fetch about an invalid header has the whole value in it.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new UsageError(
      'API_TOKEN is empty or has characters that no token has. Set API_TOKEN to the IdToken or AccessToken of a sign-in, in one line.',
    )
  }
  return { ...config, API_TOKEN: token }
}

function assertRoot(text: string): void {
  const wrong = whatIsWrongWith(text)
  if (wrong !== undefined) throw new UsageError(`API_URL ${wrong}. ${API_URL_ADVICE}`)
}

/** The value itself is left out: it may have a password in it. */
function whatIsWrongWith(text: string): string | undefined {
  if (!URL.canParse(text)) return 'is not a valid URL'
  const { username, password, search, hash, pathname } = new URL(text)
  if (username !== '' || password !== '') return 'has a user or a password in it'
  if (search !== '' || hash !== '') return 'has a query or a fragment'
  return pathname.endsWith('/uploads') ? 'ends with /uploads, which is a path below the root' : undefined
}
