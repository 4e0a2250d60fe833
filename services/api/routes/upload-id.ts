import { isUploadId } from '../../uploads/records/upload-id.ts'
import { ProblemError } from '../problems/problem.ts'

/**
 * The problem for an upload of another owner, for one that never existed, and for one that was deleted. The client can't tell them
 * apart, so it learns nothing about other owners.
 */
export function noSuchUpload(): ProblemError {
  return new ProblemError('not-found', 'You have no upload with this id.')
}

/**
 * Returns the id from a path if it can be the id of an upload.
 *
 * @throws ProblemError
 */
export function uploadIdOf(id: string): string {
  if (isUploadId(id)) return id
  throw noSuchUpload()
}
