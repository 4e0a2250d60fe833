import { type Static, Type } from 'typebox'
import { HeadgateError } from '../../platform/errors.ts'
import { catalogue, PROBLEM_TYPE_PREFIX, type ProblemSlug } from './catalogue.ts'

export const PROBLEM_CONTENT_TYPE = 'application/problem+json'

/** RFC 9457. */
export const problemSchema = Type.Object(
  {
    type: Type.String({ description: 'The stable kind of problem.', examples: ['urn:headgate:problem:not-found'] }),
    title: Type.String({ description: 'The kind of problem for people, the same for every response of this kind.' }),
    status: Type.Integer({ description: 'The HTTP status.' }),
    detail: Type.String({ description: 'What is wrong with this request.' }),
    instance: Type.String({
      description: 'The id of the request, as in the header x-request-id and in the logs.',
    }),
    uploadId: Type.Optional(
      Type.String({
        description:
          '`idempotency-key-reused` only: the upload of the earlier grant, which has arrived or expired. `POST /uploads/{uploadId}/complete` returns it.',
      }),
    ),
  },
  { additionalProperties: false },
)

export type ProblemBody = Static<typeof problemSchema>

/** Returns the schemas of a route's problems, by status, for `response`. */
export function problemResponses(...slugs: ProblemSlug[]) {
  const byStatus = Map.groupBy(new Set(slugs), slug => catalogue[slug].status)
  return Object.fromEntries(
    [...byStatus].map(([status, kinds]) => [
      status,
      {
        description: kinds.map(kind => `\`${kind}\``).join(', '),
        content: { [PROBLEM_CONTENT_TYPE]: { schema: problemSchema } },
      },
    ]),
  )
}

/** A response to a failed request. */
export interface Problem {
  slug: ProblemSlug
  /** Sent to the client, so it must reveal nothing internal. */
  detail: string
  headers?: Readonly<Record<string, string>>
  /** The upload that an earlier request with the same Idempotency-Key made. */
  uploadId?: string | undefined
}

/** An error that is already a problem. */
export class ProblemError extends HeadgateError implements Problem {
  readonly code = 'HEADGATE_PROBLEM'
  readonly slug: ProblemSlug
  readonly detail: string
  readonly headers: Readonly<Record<string, string>>
  readonly uploadId: string | undefined

  constructor(
    slug: ProblemSlug,
    detail: string,
    { headers = {}, uploadId, cause }: { headers?: Record<string, string>; uploadId?: string; cause?: unknown } = {},
  ) {
    super(detail, cause === undefined ? undefined : { cause })
    this.slug = slug
    this.detail = detail
    this.headers = headers
    this.uploadId = uploadId
  }
}

export function problemBody({ slug, detail, uploadId }: Problem, requestId: string): ProblemBody {
  const { status, title } = catalogue[slug]
  const instance = `urn:headgate:request:${requestId}`
  return {
    type: PROBLEM_TYPE_PREFIX + slug,
    title,
    status,
    detail,
    instance,
    ...(uploadId !== undefined && { uploadId }),
  }
}
