import { supportedMimeTypes } from 'file-type'
import { essenceOf } from '../../uploads/media-types/media-type.ts'

const RECOGNIZED = new Set([...supportedMimeTypes].map(essenceOf))

/** Whether a file of this type would be known by its bytes. */
export const isRecognized = (essence: string): boolean => RECOGNIZED.has(essence)
