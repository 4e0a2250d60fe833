/** What an upload's object says of itself, so that it can be told whose it is without its record. */
export interface UploadMetadata {
  uploadId: string
  owner: string
  filename: string
}

/** The object's user metadata. S3 takes ASCII in headers only, so the name is percent-encoded. */
export function toObjectMetadata({ uploadId, owner, filename }: UploadMetadata): Record<string, string> {
  return { 'upload-id': uploadId, owner, filename: encodeURIComponent(filename) }
}

/** Reads it back. Undefined where the object was not written by the api. */
export function fromObjectMetadata(metadata: Record<string, string> | undefined): UploadMetadata | undefined {
  const uploadId = metadata?.['upload-id']
  const owner = metadata?.owner
  const filename = metadata?.filename
  if (!uploadId || !owner || !filename) return undefined
  return { uploadId, owner, filename: decode(filename) }
}

function decode(filename: string): string {
  try {
    return decodeURIComponent(filename)
  } catch {
    return filename // Not encoded by us: a name all the same.
  }
}
