import { createHash } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import { timeOfUploadId } from '../../uploads/records/upload-id.ts'

/**
 * The ids of the uploads of a request, by their place in it: the first is the given one, and the others follow from it, so that
 * the same request lands on the same uploads however often it is made.
 */
export function uploadIdAt(first: string, index: number): string {
  if (index === 0) return first
  const random = createHash('sha256').update(`${first}#${index}`).digest().subarray(0, 16)
  return uuidv7({ msecs: timeOfUploadId(first), random })
}
