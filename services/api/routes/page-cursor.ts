import { validate, version } from 'uuid'
import { ProblemError } from '../problems/problem.ts'

/**
 * Where a page begins, as clients carry it: the id of the last upload of the page before. It names no owner, so that whatever
 * is made up means a place among one's own uploads.
 */
export function encodeCursor(uploadId: string): string {
  return Buffer.from(uploadId.replaceAll('-', ''), 'hex').toString('base64url')
}

/** @throws ProblemError where it is none that was given out */
export function decodeCursor(cursor: string): string {
  const bytes = Buffer.from(cursor, 'base64url')
  if (bytes.length === 16 && bytes.toString('base64url') === cursor) {
    const uploadId = [8, 13, 18, 23].reduce((id, at) => `${id.slice(0, at)}-${id.slice(at)}`, bytes.toString('hex'))
    if (validate(uploadId) && version(uploadId) === 7) return uploadId
  }
  throw new ProblemError('invalid-cursor', 'Leave `cursor` out to begin with the newest, or follow `next` as it is.')
}
