import { S3Error } from './errors.ts'
import type { StoredObject } from './index-db.ts'
import { headerOf, type S3Request } from './request.ts'

/**
 * Evaluates the conditions of a GET or HEAD by the rules of HTTP: a condition on the ETag overrules one on the time.
 *
 * @returns true if the client already has the object
 * @throws S3Error PreconditionFailed
 */
export function isUnchanged(request: S3Request, object: StoredObject): boolean {
  const match = headerOf(request, 'if-match')
  if (match === undefined ? isAfter(object, headerOf(request, 'if-unmodified-since')) : !includes(match, object.etag)) {
    throw failed()
  }
  const noneMatch = headerOf(request, 'if-none-match')
  if (noneMatch !== undefined) return includes(noneMatch, object.etag)
  const since = headerOf(request, 'if-modified-since')
  return since !== undefined && !Number.isNaN(Date.parse(since)) && !isAfter(object, since)
}

/**
 * Evaluates the conditions of a write.
 *
 * @param present the object that the write would replace
 * @throws S3Error PreconditionFailed, NoSuchKey, NotImplemented
 */
export function checkWrite(request: S3Request, present: StoredObject | undefined): void {
  const noneMatch = headerOf(request, 'if-none-match')
  if (noneMatch !== undefined && noneMatch !== '*') {
    throw new S3Error('NotImplemented', 'A header you provided implies functionality that is not implemented')
  }
  if (noneMatch !== undefined && present) throw failed()
  const match = headerOf(request, 'if-match')
  if (match === undefined) return
  if (!present) throw new S3Error('NoSuchKey', 'The specified key does not exist.')
  if (!includes(match, present.etag)) throw failed()
}

function includes(list: string, etag: string): boolean {
  const bare = (text: string) => text.trim().replace(/^W\//, '').replaceAll('"', '')
  return list.split(',').some(one => one.trim() === '*' || bare(one) === bare(etag))
}

/** Returns whether an object changed after a time. The header has no milliseconds. */
function isAfter({ modified }: StoredObject, time: string | undefined): boolean {
  return time !== undefined && Math.floor(modified.getTime() / 1_000) * 1_000 > Date.parse(time)
}

function failed(): S3Error {
  return new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold')
}
