import { validate, version } from 'uuid'

/** Returns true if a text is the id of an upload: a UUIDv7. */
export function isUploadId(text: string): boolean {
  return validate(text) && version(text) === 7
}

/** Returns when the id of an upload was generated, in epoch ms. */
export function timeOfUploadId(uploadId: string): number {
  return Number.parseInt(uploadId.slice(0, 8) + uploadId.slice(9, 13), 16)
}

/** Returns the lowest text that an id generated at a time (epoch ms) can have. Ids sort by their time. */
export function firstUploadIdAt(epochMs: number): string {
  const hex = Math.max(0, Math.floor(epochMs)).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}
