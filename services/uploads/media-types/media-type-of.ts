import { onFirstUse } from '../../platform/on-first-use.ts'
import { detectType, looksLikeText, looksLikeUtf16 } from './detect-type.ts'
import { isSvg } from './is-svg.ts'
import { areRelated, isContainer, isNeverText, isRecognizable, isText } from './media-type.ts'
import { canonicalType, declaredType, isExcel, isOpaque } from './type-names.ts'

/** What there is to find the type of a file by. */
export interface TypeClues {
  /** The content type as it was declared, whatever it is. */
  declared: string
  /** The client's name for the file. Left out where the client gave none. */
  filename?: string | undefined
}

/**
 * What the media type was found by. `none`: the bytes look like a text, or like nothing known, and nothing else says more. The type
 * is `text/plain` or `application/octet-stream` then.
 */
export type TypeSource = 'bytes' | 'declared' | 'filename' | 'none'

export interface FoundType {
  /** The type without parameters, in lower case, by its usual name. */
  mediaType: string
  typeSource: TypeSource
}

/**
 * Finds the type of a file: by its first bytes, else by the declared type, else by the extension of its name. A function of these
 * alone.
 *
 * A text does not show of what kind it is, and a container such as ZIP does not show what is in it. There the declared type and then
 * the extension say more than the bytes, as long as the bytes agree with them.
 *
 * @param head the first `HEAD_BYTES` bytes of the file, or all of a shorter one
 */
export async function mediaTypeOf(head: Uint8Array, clues: TypeClues): Promise<FoundType> {
  const declared = declaredType(clues.declared)
  const isTextual = looksLikeText(head) || looksLikeUtf16(head)
  // Most uploads are texts and say so: nothing else is looked at. A PDF may begin like a text.
  const isTextAsDeclared = declared !== undefined && isText(declared) && isTextual && head[0] !== PERCENT
  const isXmlAsDeclared = declared === 'application/xml' || declared === 'text/xml'
  if (isTextAsDeclared && !isXmlAsDeclared) return byClaims({ ...clues, isTextual, isEmpty: head.length === 0 })
  const detected = isTextual && isSvg(head) ? 'image/svg+xml' : head.length > 0 ? await detectType(head) : undefined
  return knownMediaType(detected, { ...clues, isTextual, isEmpty: head.length === 0 })
}

interface Claims extends TypeClues {
  /** Whether the bytes look like a text. */
  isTextual: boolean
  isEmpty: boolean
}

/**
 * The same without the bytes, by what was detected in them.
 *
 * @param detected undefined where the bytes show no type
 */
export async function expectedMediaType(detected: string | undefined, clues: TypeClues): Promise<FoundType> {
  return knownMediaType(detected, { ...clues, isTextual: true, isEmpty: false })
}

async function knownMediaType(detected: string | undefined, claims: Claims): Promise<FoundType> {
  if (detected === undefined) return byClaims(claims)
  const shown = canonicalType(detected)
  const declared = declaredType(claims.declared)
  if (declared === shown) return { mediaType: shown, typeSource: 'bytes' }
  if (declared !== undefined && isMoreExact(declared, shown)) return { mediaType: declared, typeSource: 'declared' }
  const named = isContainer(shown) ? await namedType(claims) : undefined
  if (named !== undefined && isMoreExact(named, shown)) return { mediaType: named, typeSource: 'filename' }
  return { mediaType: shown, typeSource: 'bytes' }
}

/** Where the bytes show no type. */
async function byClaims(claims: Claims): Promise<FoundType> {
  const declared = declaredType(claims.declared)
  if (declared === 'text/plain') {
    const named = await namedType(claims)
    // A program that knows only text and binary calls every text this.
    if (named?.startsWith('text/') && named !== declared) return { mediaType: named, typeSource: 'filename' }
    return { mediaType: declared, typeSource: 'declared' }
  }
  if (declared !== undefined && isExcel(declared) && claims.isTextual && !claims.isEmpty)
    return asTable(declared, claims)
  if (declared !== undefined) return { mediaType: declared, typeSource: 'declared' }
  const named = await namedType(claims)
  if (named !== undefined && isCredible(named, claims)) return { mediaType: named, typeSource: 'filename' }
  const isPlain = claims.isTextual && !claims.isEmpty && !(named !== undefined && isOpaque(named))
  return { mediaType: isPlain ? 'text/plain' : 'application/octet-stream', typeSource: 'none' }
}

/** A text that is called an Excel file: a CSV file from Windows, unless its name says which text it is. */
async function asTable(declared: string, claims: Claims): Promise<FoundType> {
  const named = await namedType(claims)
  if (named === undefined || named === 'text/plain') return { mediaType: 'text/csv', typeSource: 'declared' }
  if (isText(named)) return { mediaType: named, typeSource: 'filename' }
  return { mediaType: declared, typeSource: 'declared' }
}

async function namedType({ filename }: TypeClues): Promise<string | undefined> {
  return filename === undefined ? undefined : typeOfName(filename)
}

/** Whether a file whose bytes show no type may be what its extension says: most types of pictures and sound would have shown. */
function isCredible(named: string, { isTextual }: Claims): boolean {
  if (isOpaque(named) || isRecognizable(named) || isNeverText(named)) return false
  // The extensions of several programming languages belong to types of XML nobody sends.
  return !(isTextual && /\+(?:xml|zip)$/.test(named))
}

/** Whether a claimed type says more than the type that the bytes show, and may be of the same file. */
function isMoreExact(claimed: string, shown: string): boolean {
  if (isContainer(claimed) || !areRelated(claimed, shown)) return false
  if (isText(shown)) return isContainer(shown) && isText(claimed) && claimed !== 'text/plain'
  const arePictures = claimed.startsWith('image/') && shown.startsWith('image/')
  // Camera makers build their raw files as TIFF, and HEIF is the container of AVIF and HEIC.
  return arePictures
    ? (shown === 'image/tiff' && claimed.startsWith('image/x-') && claimed !== 'image/x-icon') || shown === 'image/heif'
    : true
}

const PERCENT = 0x25

/** Loaded with the first file whose bytes and declared type do not decide its type. */
const loadMime = onFirstUse(async () => (await import('mime')).default)

/** Extensions that `mime` does not have. */
const MORE_EXTENSIONS: Readonly<Record<string, string>> = {
  tab: 'text/tab-separated-values',
  ndjson: 'application/x-ndjson',
  jsonl: 'application/x-ndjson',
}

/** Returns the canonical type of a file name's extension, or undefined if it has none or an unknown one. */
async function typeOfName(filename: string): Promise<string | undefined> {
  const extension = /\.([A-Za-z0-9_-]{1,32})$/.exec(filename.trimEnd())?.[1]?.toLowerCase()
  if (extension === undefined) return undefined
  const type = MORE_EXTENSIONS[extension] ?? (await loadMime()).getType(extension)
  return type === null ? undefined : canonicalType(type)
}
