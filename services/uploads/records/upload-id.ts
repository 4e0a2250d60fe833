import { validate, version } from 'uuid'

/** Whether a text is the id of an upload: a UUIDv7. */
export function isUploadId(text: string): boolean {
  return validate(text) && version(text) === 7
}

/** When the id of an upload was made, in epoch ms. */
export function timeOfUploadId(uploadId: string): number {
  return Number.parseInt(uploadId.slice(0, 8) + uploadId.slice(9, 13), 16)
}

/** What every id that was made at a time (epoch ms) or later is not less than, as texts are compared. */
export function firstUploadIdAt(epochMs: number): string {
  const hex = Math.max(0, Math.floor(epochMs)).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}
