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
import { isRecognized } from './recognized-type.ts'

/** What a client says of a file and what its bytes do: lower case, without parameters. */
export interface FileTypes {
  claimed: string
  /** Undefined where the bytes show no type, as those of most texts do. */
  detected: string | undefined
  /** The media type that the worker would find without a name. Only needed where the bytes show no type. */
  found?: string | undefined
  /** Whether the bytes are those of a text. Looked at only where they show no type, and the claimed one is never text. */
  isPlainText?: boolean
}

export type TypeVerdict = 'taken' | 'contradicted' | 'not-allowed'

/**
 * Whether a file may be what it is called.
 *
 * Its bytes contradict its name where they are of another type for certain and a file of the claimed type would have shown
 * it: a program called text, an archive called a picture, a zip called a PDF, a text called any of these. They do not where the claim says nothing
 * (`application/octet-stream`), where nobody knows how the claimed type begins, where both are of one container (a docx
 * is a zip), and between two kinds of picture or two of sound and film, whose names are mixed up everywhere.
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
  return isPlainText && isNeverText(claim) ? 'contradicted' : 'taken'
}

function contradicts(claim: string, detected: string | undefined): boolean {
  if (detected === undefined || isOpaque(claim) || areRelated(claim, detected)) return false
  // SVG is a picture and text.
  if (isText(claim)) return true
  return isRecognizable(claim) || isRecognized(claim)
}

/**
 * The bytes decide where they show a type. Where they show none, a claim that they would have shown counts for nothing; a docx of
 * which only the zip shows, on the other hand, may be one. A text is allowed by what it is found to be, too: Windows calls CSV files
 * Excel files, and curl calls every text a form.
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
