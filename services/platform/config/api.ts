import { type Static, Type } from 'typebox'
import { scannerProperty, sharedProperties } from './shared.ts'

const MIB = 1024 ** 2

/** A list of scopes or groups. Neither can contain spaces or commas. */
const permissions = (description: string) =>
  Type.String({
    pattern: '^[^\\s",\\\\]*(?:\\s*,\\s*[^\\s",\\\\]+)*$',
    maxLength: 2_048,
    default: '',
    description: `${description} Comma-separated. Empty: none are required.`,
  })

/** The environment of the api, on Fargate, on Lambda and on a laptop. */
export const apiConfigSchema = Type.Object({
  ...sharedProperties,
  COGNITO_USER_POOL_ID: Type.String({ minLength: 1, description: 'The user pool whose tokens are accepted.' }),
  COGNITO_CLIENT_ID: Type.String({ minLength: 1, description: 'The app client whose tokens are accepted.' }),
  COGNITO_ISSUER: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s]+[^/\\s]$',
      description:
        'The token issuer, without a trailing slash. Set it only for an issuer other than AWS. Unset: the issuer of the user pool at AWS.',
    }),
  ),
  COGNITO_JWKS_URL: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s]+$',
      description:
        'The URL of the keys of the issuer. Set it only if the api must fetch the keys from another address than the issuer in the tokens. The server at this URL decides which tokens are valid. Unset: `/.well-known/jwks.json` below the issuer.',
    }),
  ),
  READ_SCOPES: permissions('The scopes that an access token must have to read uploads. All are required.'),
  WRITE_SCOPES: permissions('The scopes that an access token must have to create or delete uploads. All are required.'),
  READ_GROUPS: permissions('The groups of the user pool whose members may read uploads. One is enough.'),
  WRITE_GROUPS: permissions('The groups of the user pool whose members may create or delete uploads. One is enough.'),
  ...scannerProperty,
  HOST: Type.String({ minLength: 1, default: '0.0.0.0', description: 'The address that the api listens on.' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 3000, description: 'The port that the api listens on.' }),
  ADMIN_HOST: Type.String({
    minLength: 1,
    default: '0.0.0.0',
    description: 'The address that the admin port listens on.',
  }),
  ADMIN_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65_535,
      description:
        'The port that serves /metrics (Prometheus), /livez and /readyz without tokens. Keep it away from the internet. Unset: no admin port. Not available on Lambda.',
    }),
  ),
  SHUTDOWN_DELAY_MS: Type.Integer({
    minimum: 0,
    maximum: 600_000,
    default: 0,
    description:
      'How long the api keeps accepting requests after /readyz reports a shutdown, in milliseconds, so that load balancers can react. Counts towards SHUTDOWN_TIMEOUT_MS.',
  }),
  TRUST_PROXY: Type.String({
    format: 'proxies',
    default: '',
    description:
      'The proxies whose X-Forwarded-For header is trusted, as comma-separated addresses or CIDR ranges. Empty: none.',
  }),
  PUBLIC_PATH: Type.String({
    pattern: '^(?:(?:/[A-Za-z0-9._~-]+)+)?$',
    maxLength: 256,
    default: '',
    description:
      'The path prefix that clients see and that a gateway in front removes, such as `/api` for the stage of a REST API. It is prepended to every `Location` and `Link` header, and to paths in response bodies. Empty: no prefix.',
  }),
  KEY_TEMPLATE: Type.Enum(['uploads/{owner}/{uploadId}/{filename}', 'uploads/{filename}'], {
    default: 'uploads/{owner}/{uploadId}/{filename}',
    description:
      'The S3 key of an upload. With `uploads/{filename}`, two uploads with the same filename overwrite each other, even if their owners differ.',
  }),
  MAX_UPLOAD_BYTES: Type.Integer({
    minimum: 1,
    maximum: 80_000 * MIB,
    default: 5 * 1024 * MIB,
    description:
      'Maximum size of a file, in bytes. JSON has its own limit, MAX_JSON_BYTES. At most 83886080000, which is 10,000 parts of 8 MiB.',
  }),
  UPLOAD_MEMORY_BYTES: Type.Integer({
    minimum: 32 * MIB,
    maximum: 64 * 1024 * MIB,
    default: 256 * MIB,
    description:
      'Maximum memory for the buffers of all uploads larger than 128 KiB, in bytes. An upload starts with a buffer of 256 KiB. Further buffers have 8 MiB (16 MiB for tus uploads over 16 GiB), or the remaining size of the file if it is smaller and known. An upload holds up to three buffers while S3 is slower than the client. If no memory is free, an upload waits, and gets 503 after 20 s. While other uploads wait, an upload that arrives at less than 64 KiB/s gets 503. One owner can use at most three quarters of the memory. A quarter of the memory for further buffers is reserved for clients that send at least 512 KiB/s.',
  }),
  MAX_JSON_BYTES: Type.Integer({
    minimum: 1_024,
    maximum: 32 * MIB,
    default: MIB,
    description: 'Maximum size of a JSON body, in bytes. The api keeps the whole JSON body in memory.',
  }),
  GATEWAY_MAX_BODY_BYTES: Type.Optional(
    Type.Integer({
      minimum: 65_536,
      maximum: 80_000 * MIB,
      description:
        'Maximum size of a request body that the gateway in front of the api forwards, in bytes, such as 10000000 for API Gateway. The api enforces nothing: `GET /uploads/limits` reports the value, so that clients send larger files by grants, or by tus in chunks. Unset: no value is reported, except on Lambda, where it is 4500000.',
    }),
  ),
  MAX_FORM_FILES: Type.Integer({
    minimum: 1,
    maximum: 100,
    default: 10,
    description: 'Maximum number of files in a form. Each file becomes a separate upload.',
  }),
  ALLOWED_TYPES: Type.String({
    format: 'media-types',
    default: '',
    description:
      'The media types that are accepted, as comma-separated patterns such as `image/*`. A type that is detected in the bytes takes precedence over the declared type. Empty: all types.',
  }),
  UPLOAD_POLICIES: Type.Optional(
    Type.String({
      description:
        'Rules for what may be uploaded, by group, scope and method, as JSON or as the path of a JSON file: see [upload policies](../how-to/policies.md). Unset: every upload within the limits above is allowed.',
    }),
  ),
  CORS_ORIGINS: Type.String({
    format: 'origins',
    default: '',
    description:
      'The origins whose pages may call the api from a browser, as comma-separated `https://host`, or `*` for all. A loopback host may have `*` as its port: `http://localhost:*`. Empty: none.',
  }),
  RATE_LIMIT_PER_OWNER: Type.Integer({
    minimum: 0,
    maximum: 10_000_000,
    default: 0,
    description:
      'Maximum number of requests that an owner can send in RATE_LIMIT_WINDOW_MS. Each process counts separately. 0: no limit.',
  }),
  RATE_LIMIT_PER_ADDRESS: Type.Integer({
    minimum: 0,
    maximum: 10_000_000,
    default: 0,
    description:
      'Maximum number of requests without a valid token that an address can send in RATE_LIMIT_WINDOW_MS. Further requests from this address are rejected until the window ends. Set TRUST_PROXY first: behind a proxy that TRUST_PROXY does not list, all clients share one address. 0: no limit.',
  }),
  RATE_LIMIT_WINDOW_MS: Type.Integer({
    minimum: 1_000,
    maximum: 3_600_000,
    default: 60_000,
    description: 'The window of the rate limits, in milliseconds.',
  }),
  HEADERS_TIMEOUT_MS: Type.Integer({
    minimum: 100,
    maximum: 120_000,
    default: 20_000,
    description: 'Maximum time for the headers of a request to arrive, in milliseconds.',
  }),
  REQUEST_TIMEOUT_MS: Type.Integer({
    minimum: 1_000,
    maximum: 86_400_000,
    default: 3_600_000,
    description: 'Maximum time for a whole request to arrive, in milliseconds.',
  }),
  ANSWER_TIMEOUT_MS: Type.Integer({
    minimum: 100,
    maximum: 600_000,
    default: 25_000,
    description:
      'Maximum time that a request waits for AWS without progress, in milliseconds, retries included. Then the api responds with 503 and `Retry-After`. A body that keeps arriving counts as progress. Keep the value 4 s below the timeout of the gateway: API Gateway ends a request after 30 s (HTTP API) or 29 s (REST API). On Lambda, the api ends every request at least 4 s before the invocation times out.',
  }),
  MIN_BODY_BYTES_PER_SECOND: Type.Integer({
    minimum: 0,
    maximum: 1024 * MIB,
    default: 1_024,
    description: 'Minimum average rate of a request body, in bytes per second. 0: no minimum.',
  }),
  SLOW_BODY_GRACE_MS: Type.Integer({
    minimum: 100,
    maximum: 600_000,
    default: 30_000,
    description: 'How long a body may stay below MIN_BODY_BYTES_PER_SECOND, in milliseconds.',
  }),
  GRANT_PARTS_ABOVE_BYTES: Type.Integer({
    minimum: 1,
    maximum: 5 * 1024 * MIB,
    default: 64 * MIB,
    description:
      'Grants for files above this size, in bytes, have several parts. At most 5368709120, the maximum of a single PUT to S3.',
  }),
  GRANT_URL_SECONDS: Type.Integer({
    minimum: 10,
    maximum: 43_200,
    default: 900,
    description:
      'Lifetime of the presigned URLs of a grant, in seconds. URLs that were signed with temporary credentials expire with the credentials.',
  }),
  PENDING_UPLOAD_HOURS: Type.Integer({
    minimum: 1,
    maximum: 168,
    default: 24,
    description:
      'Maximum time to complete a grant or a tus upload, in hours. An upload that is not complete by then is abandoned and removed.',
  }),
  S3_CHECKSUMS: Type.Enum(['checked', 'unchecked'], {
    default: 'checked',
    description:
      'Whether S3 verifies the SHA-256 of an object against its bytes. `checked`: S3 verifies it, as AWS does, and the api trusts the SHA-256. `unchecked`: the worker computes the SHA-256 of every object that a client sent straight to S3.',
  }),
  S3_PUBLIC_ENDPOINT: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s/]+$',
      description:
        'The S3 endpoint in the URLs that clients get, without a trailing slash. Set it only if clients and the api use different S3 endpoints.',
    }),
  ),
  EVENT_STREAMS: Type.Enum(['streamed', 'whole'], {
    default: 'streamed',
    description:
      'How /events responds. `streamed` sends every change of the upload. `whole` sends the current state and ends the response, and the client reconnects. Use `whole` behind a gateway that buffers responses, such as API Gateway. On Lambda, responses are always whole.',
  }),
  EVENT_PUT_TIMEOUT_MS: Type.Integer({
    minimum: 100,
    maximum: 25_000,
    default: 3_000,
    description:
      'Maximum time that an upload waits for Kinesis to accept its event, in milliseconds. Then the api responds with 202, and the outbox relay publishes the event later.',
  }),
})

export type ApiConfig = Readonly<Static<typeof apiConfigSchema>>

/** Returns the token issuer: COGNITO_ISSUER, or the issuer of the user pool at AWS. */
export function issuerOf(config: Pick<ApiConfig, 'AWS_REGION' | 'COGNITO_ISSUER' | 'COGNITO_USER_POOL_ID'>): string {
  return (
    config.COGNITO_ISSUER ?? `https://cognito-idp.${config.AWS_REGION}.amazonaws.com/${config.COGNITO_USER_POOL_ID}`
  )
}

/** Returns the URL of the issuer's keys. */
export function jwksUrlOf(config: Parameters<typeof issuerOf>[0] & Pick<ApiConfig, 'COGNITO_JWKS_URL'>): string {
  return config.COGNITO_JWKS_URL ?? `${issuerOf(config)}/.well-known/jwks.json`
}
