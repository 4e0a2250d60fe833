import { Type } from 'typebox'
import { validate, version } from 'uuid'
import { ProblemError } from '../problems/problem.ts'

export const uploadIdParams = Type.Object({ id: Type.String({ description: 'The `uploadId` of the upload.' }) })

export function isUploadId(id: string): boolean {
  return validate(id) && version(id) === 7
}

/** Another owner's upload, one that never was and one that was deleted get the same answer: who asks learns nothing of others. */
export function noSuchUpload(): ProblemError {
  return new ProblemError('not-found', 'You have no upload with this id.')
}
