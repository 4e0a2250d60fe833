import { supportedMimeTypes } from 'file-type'
import {
  areRelated,
  essenceOf,
  isContainer,
  isNeverText,
  isRecognizable,
  isText,
  matchesAny,
} from '../../uploads/media-types/media-type.ts'
import { canonicalType, isOpaque } from '../../uploads/media-types/type-names.ts'

const RECOGNIZED = new Set([...supportedMimeTypes].map(essenceOf))

/** True if the bytes of a file of this type show the type. */
const isRecognized = (essence: string): boolean => RECOGNIZED.has(essence)

/** The type that a client declares for a file, and the types that its bytes show: lower case, without parameters. */
export interface FileTypes {
  claimed: string
  /** Undefined if the bytes show no type, as for most texts. */
  detected: string | undefined
  /** The media type that the worker would find without a name. Needed only if the bytes show no type. */
  found?: string | undefined
  /** True if the bytes are those of a text. Needed only if they show no type and the claimed type is never text. */
  isPlainText?: boolean
}

export type TypeVerdict = 'accepted' | 'contradicted' | 'not-allowed'

/**
 * Decides whether a file may have the content type that the client claims.
 *
 * The bytes contradict the claim if they certainly have another type, and a file of the claimed type would show its type: a
 * program claimed to be text, an archive claimed to be an image, a zip claimed to be a PDF, or a text claimed to be any of
 * these. The bytes do not contradict the claim if it is `application/octet-stream`, if the claimed type has no known signature,
 * or if both types share a container (a docx is a zip). Two types of image, or two of audio or video, do not contradict each
 * other, because clients often confuse them.
 *
 * @param allowed patterns as in `ALLOWED_TYPES`; an empty list allows every type
 */
export function judgeType(
  { claimed, detected, found, isPlainText = false }: FileTypes,
  allowed: readonly string[],
): TypeVerdict {
  const claim = canonicalType(essenceOf(claimed))
  if (contradicts(claim, detected)) return 'contradicted'
  if (allowed.length > 0 && !isAllowed({ claim, detected, found }, allowed)) return 'not-allowed'
  return isPlainText && isNeverText(claim) ? 'contradicted' : 'accepted'
}

function contradicts(claim: string, detected: string | undefined): boolean {
  if (detected === undefined || isOpaque(claim) || areRelated(claim, detected)) return false
  // SVG is an image and text.
  if (isText(claim)) return true
  return isRecognizable(claim) || isRecognized(claim)
}

/**
 * Returns whether `ALLOWED_TYPES` allows a file. The type that the bytes show decides. If the bytes show only a container, such as
 * the zip of a docx, the claimed type may decide instead. If the bytes show no type, the claimed type decides, unless files of
 * that type always show it, as PNG files do. A text is also allowed by its found type, because Windows sends CSV files as Excel
 * files, and curl sends every text as a form.
 */
function isAllowed(
  { claim, detected, found }: { claim: string } & Pick<FileTypes, 'detected' | 'found'>,
  allowed: readonly string[],
): boolean {
  if (detected === undefined) {
    if (found !== undefined && isText(found) && matchesAny(found, allowed)) return true
    const wouldShow = !isText(claim) && (isRecognized(claim) || isRecognizable(claim))
    return matchesAny(wouldShow ? 'application/octet-stream' : claim, allowed)
  }
  if (matchesAny(detected, allowed)) return true
  return isContainer(detected) && areRelated(claim, detected) && matchesAny(claim, allowed)
}
