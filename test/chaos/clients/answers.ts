import type { Answer } from '../evidence/ledger.ts'
import { NoAnswerError, type Reply } from './http.ts'

const ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g

/** Returns what a client may conclude from the answer to `POST /uploads`, by docs/reference/errors.md only. */
export function conclude({ status, body }: Reply): Answer {
  if (status === 200 || status === 202) return { outcome: 'accepted', uploadIds: idsIn(body) }
  const why = `${status} ${String(body.type ?? '')
    .split(':')
    .at(-1)}: ${body.detail ?? ''}`
  const detail = String(body.detail ?? '')
  if (/files were accepted/.test(detail)) return { outcome: 'partly', uploadIds: detail.match(ID) ?? [], why }
  if (/cannot be told|nobody can be told|nobody can tell|it is unknown whether/i.test(detail))
    return { outcome: 'unknown', why }
  return { outcome: 'refused', why }
}

/** The answer of a request that failed without a reply. */
export function unanswered(error: unknown): Answer {
  if (error instanceof NoAnswerError) return { outcome: 'unknown', why: error.message }
  throw error
}

function idsIn({ uploadId, uploads }: Record<string, unknown>): string[] {
  if (typeof uploadId === 'string') return [uploadId]
  return Array.isArray(uploads) ? uploads.map(one => String((one as { uploadId?: unknown }).uploadId)) : []
}
