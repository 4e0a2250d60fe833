import { Type } from 'typebox'
import { ProblemError } from '../problems/problem.ts'

export const uploadIdParams = Type.Object({ id: Type.String({ description: 'The `uploadId` of the upload.' }) })

/** Another owner's upload, one that never was and one that was deleted get the same answer: who asks learns nothing of others. */
export function noSuchUpload(): ProblemError {
  return new ProblemError('not-found', 'You have no upload with this id.')
}
