import { type Static, Type } from 'typebox'
import { sharedProperties } from './shared.ts'

const MIB = 1024 ** 2

/** Scopes or groups, which neither have blanks nor commas in them. */
const permissions = (description: string) =>
  Type.String({
    pattern: '^[^\\s",\\\\]*(?:\\s*,\\s*[^\\s",\\\\]+)*$',
    maxLength: 2_048,
    default: '',
    description: `${description} Comma-separated. Empty: none is needed.`,
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
        'The issuer of the tokens, without a slash at its end. Only for an issuer that is not AWS: left out, it is the one that AWS gives the pool.',
    }),
  ),
  READ_SCOPES: permissions('The scopes that an access token needs to look at uploads: all of them.'),
  WRITE_SCOPES: permissions('The scopes that an access token needs to upload: all of them.'),
  READ_GROUPS: permissions('The groups of the user pool whose users may look at uploads: one is enough.'),
  WRITE_GROUPS: permissions('The groups of the user pool whose users may upload: one is enough.'),
  HOST: Type.String({ minLength: 1, default: '0.0.0.0', description: 'The address the api listens on.' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 3000, description: 'The port the api listens on.' }),
  ADMIN_HOST: Type.String({ minLength: 1, default: '0.0.0.0', description: 'The address the admin port listens on.' }),
  ADMIN_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65_535,
      description:
        'The port of /metrics (Prometheus), /livez and /readyz, without tokens: keep it from the internet. Left out, the api listens on none. Not for Lambda.',
    }),
  ),
  SHUTDOWN_DELAY_MS: Type.Integer({
    minimum: 0,
    maximum: 600_000,
    default: 0,
    description:
      'How long a stop that has been announced by /readyz still accepts requests, in milliseconds: until load balancers have heard. Part of SHUTDOWN_TIMEOUT_MS.',
  }),
  TRUST_PROXY: Type.String({
    format: 'proxies',
    default: '',
    description:
      'The proxies whose X-Forwarded-For is believed, as comma-separated addresses or CIDR ranges. Empty: none is.',
  }),
  PUBLIC_PATH: Type.String({
    pattern: '^(?:(?:/[A-Za-z0-9._~-]+)+)?$',
    maxLength: 256,
    default: '',
    description:
      'The path below which clients see the api, where what is in front takes it off, as API Gateway does with the stage of a REST API: `/api`. Put before every `Location` and `Link`. Empty: there is none.',
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
      'The largest file taken, but for JSON, in bytes. At most 83886080000: what 10,000 parts of 8 MiB hold.',
  }),
  UPLOAD_MEMORY_BYTES: Type.Integer({
    minimum: 32 * MIB,
    maximum: 64 * 1024 * MIB,
    default: 256 * MIB,
    description:
      'The memory that files of over 128 KiB are gathered in on their way to S3, of all uploads together, in bytes. An upload begins with 256 KiB of it and then takes 8 MiB at a time, or what is left of a file whose size is known; by tus over 16 GiB it takes 16 MiB. It takes up to three times that while S3 is the slower side. Uploads that find no memory wait, unread, and get 503 after 20 s. While they wait, uploads that send less than 64 KiB/s lose their memory and get 503. A quarter is kept from any one owner, and a quarter of the rest is for clients that send at least 512 KiB/s.',
  }),
  MAX_JSON_BYTES: Type.Integer({
    minimum: 1_024,
    maximum: 32 * MIB,
    default: MIB,
    description: 'The largest JSON body, in bytes. JSON is held in memory whole.',
  }),
  MAX_FORM_FILES: Type.Integer({
    minimum: 1,
    maximum: 100,
    default: 10,
    description: 'How many files a form may have. Each becomes an upload of its own.',
  }),
  ALLOWED_TYPES: Type.String({
    format: 'media-types',
    default: '',
    description:
      'The types of files that are taken, as comma-separated patterns such as `image/*`. What the bytes show counts before what the client says. Empty: all are.',
  }),
  CORS_ORIGINS: Type.String({
    format: 'origins',
    default: '',
    description:
      'The origins whose pages may call the api from a browser, as comma-separated `https://host`, or `*` for all. Empty: none may.',
  }),
  RATE_LIMIT_PER_OWNER: Type.Integer({
    minimum: 0,
    maximum: 10_000_000,
    default: 0,
    description: 'How many requests an owner may make in a window. Each process counts for itself. 0: no limit.',
  }),
  RATE_LIMIT_PER_ADDRESS: Type.Integer({
    minimum: 0,
    maximum: 10_000_000,
    default: 0,
    description:
      'How many requests without a good token may come from an address in a window before it is shut out for the rest of it. Set TRUST_PROXY first: behind a proxy that is not named there, all clients have one address. 0: no limit.',
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
    description: 'How long the headers of a request may take to arrive, in milliseconds.',
  }),
  REQUEST_TIMEOUT_MS: Type.Integer({
    minimum: 1_000,
    maximum: 86_400_000,
    default: 3_600_000,
    description: 'How long a whole request may take to arrive, in milliseconds.',
  }),
  ANSWER_TIMEOUT_MS: Type.Integer({
    minimum: 100,
    maximum: 600_000,
    default: 25_000,
    description:
      'How long a request may wait for AWS without progress, its retries included, in milliseconds. Then the answer is 503 with `Retry-After`. A body that keeps arriving is progress. Keep it 4 s under the time-out of what is in front: API Gateway gives up after 29 s. On Lambda it ends 4 s before the invocation does in any case.',
  }),
  MIN_BODY_BYTES_PER_SECOND: Type.Integer({
    minimum: 0,
    maximum: 1024 * MIB,
    default: 1_024,
    description: 'How fast a body has to arrive on average, in bytes a second. 0: as slowly as it likes.',
  }),
  SLOW_BODY_GRACE_MS: Type.Integer({
    minimum: 100,
    maximum: 600_000,
    default: 30_000,
    description: 'How long a body may arrive more slowly than that, in milliseconds.',
  }),
  GRANT_PARTS_ABOVE_BYTES: Type.Integer({
    minimum: 1,
    maximum: 5 * 1024 * MIB,
    default: 64 * MIB,
    description:
      'A grant for a larger file is one of parts, in bytes. At most 5368709120: what S3 takes in one request.',
  }),
  GRANT_URL_SECONDS: Type.Integer({
    minimum: 10,
    maximum: 43_200,
    default: 900,
    description:
      'How long the URLs of a grant are valid, in seconds. With the credentials of a role they end with those at the latest.',
  }),
  PENDING_UPLOAD_HOURS: Type.Integer({
    minimum: 1,
    maximum: 168,
    default: 24,
    description: 'How long an upload by a grant or by tus may take until it is given up, in hours.',
  }),
  S3_CHECKSUMS: Type.Enum(['checked', 'unchecked'], {
    default: 'checked',
    description:
      'Whether S3 compares a SHA-256 that it is given with the bytes. AWS does: its word then saves reading the object. `unchecked`: every object that arrives directly is read.',
  }),
  S3_PUBLIC_ENDPOINT: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s/]+$',
      description:
        'Where clients reach S3, without a slash at its end, for the URLs that they are given. Only where that is not where the api reaches it.',
    }),
  ),
  EVENT_STREAMS: Type.Enum(['streamed', 'whole'], {
    default: 'streamed',
    description:
      'How /events answers. `whole`: with the state as it is, for the client to come again. For what passes answers on only once they are whole, as API Gateway does. On Lambda they always are.',
  }),
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
