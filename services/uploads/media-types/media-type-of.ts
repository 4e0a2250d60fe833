import { onFirstUse } from '../../platform/on-first-use.ts'
import { detectType, looksLikeText, looksLikeUtf16 } from './detect-type.ts'
import { isSvg } from './is-svg.ts'
import { areRelated, isContainer, isNeverText, isRecognizable, isText } from './media-type.ts'
import { canonicalType, declaredType, isExcel, isOpaque } from './type-names.ts'

/** What a client says about the type of a file. */
export interface TypeClues {
  /** The declared content type, which may be malformed. */
  declared: string
  /** The file name that the client sent. Omitted if the client sent none. */
  filename?: string | undefined
}

/**
 * What decided the media type. `none` means that neither the bytes nor the declared type nor the name show a type. The media type is then
 * `text/plain` if the bytes are text, and otherwise `application/octet-stream`.
 */
export type TypeSource = 'bytes' | 'declared' | 'filename' | 'none'

export interface FoundType {
  /** The canonical type, in lower case, without parameters. */
  mediaType: string
  typeSource: TypeSource
}

/**
 * Finds the type of a file by its first bytes, else by the declared type, else by the extension of its name. The result depends on
 * nothing else.
 *
 * The bytes of a text do not show the kind of text, and those of a container such as ZIP do not show its contents. For such files the
 * declared type, or else the extension, decides if it agrees with the bytes.
 *
 * @param head the first `HEAD_BYTES` bytes of the file, or all of a shorter one
 */
export async function mediaTypeOf(head: Uint8Array, clues: TypeClues): Promise<FoundType> {
  const declared = declaredType(clues.declared)
  const isTextual = looksLikeText(head) || looksLikeUtf16(head)
  // Most uploads are texts with a declared text type, and need no detection. A PDF may look like a text, and starts with a percent sign.
  const isTextAsDeclared = declared !== undefined && isText(declared) && isTextual && head[0] !== PERCENT
  const isXmlAsDeclared = declared === 'application/xml' || declared === 'text/xml'
  if (isTextAsDeclared && !isXmlAsDeclared) return byClaims({ ...clues, isTextual, isEmpty: head.length === 0 })
  const detected = isTextual && isSvg(head) ? 'image/svg+xml' : head.length > 0 ? await detectType(head) : undefined
  return knownMediaType(detected, { ...clues, isTextual, isEmpty: head.length === 0 })
}

interface Claims extends TypeClues {
  /** True if the bytes look like a text. */
  isTextual: boolean
  isEmpty: boolean
}

/**
 * Finds the same type as `mediaTypeOf` without the bytes, from the type that `detectType` found in them.
 *
 * @param detected undefined if the bytes show no type
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

/** Finds the type of a file whose bytes show none. */
async function byClaims(claims: Claims): Promise<FoundType> {
  const declared = declaredType(claims.declared)
  if (declared === 'text/plain') {
    const named = await namedType(claims)
    // Programs that distinguish only text and binary files declare every text as text/plain.
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

/** Finds the type of a text that is declared as an Excel file. Windows declares CSV files so. The extension may name another text type. */
async function asTable(declared: string, claims: Claims): Promise<FoundType> {
  const named = await namedType(claims)
  if (named === undefined || named === 'text/plain') return { mediaType: 'text/csv', typeSource: 'declared' }
  if (isText(named)) return { mediaType: named, typeSource: 'filename' }
  return { mediaType: declared, typeSource: 'declared' }
}

async function namedType({ filename }: TypeClues): Promise<string | undefined> {
  return filename === undefined ? undefined : typeOfName(filename)
}

/** Returns true if a file whose bytes show no type may have the type of its extension. Images and sound nearly always show their type. */
function isCredible(named: string, { isTextual }: Claims): boolean {
  if (isOpaque(named) || isRecognizable(named) || isNeverText(named)) return false
  // The extensions of several programming languages are also registered for rare XML types.
  return !(isTextual && /\+(?:xml|zip)$/.test(named))
}

/** Returns true if a claimed type is more specific than the type that the bytes show, and one file may have both. */
function isMoreExact(claimed: string, shown: string): boolean {
  if (isContainer(claimed) || !areRelated(claimed, shown)) return false
  if (isText(shown)) return isContainer(shown) && isText(claimed) && claimed !== 'text/plain'
  const arePictures = claimed.startsWith('image/') && shown.startsWith('image/')
  // The raw files of many cameras are TIFF files, and HEIF is the container of AVIF and HEIC.
  return arePictures
    ? (shown === 'image/tiff' && claimed.startsWith('image/x-') && claimed !== 'image/x-icon') || shown === 'image/heif'
    : true
}

const PERCENT = 0x25

/** Loaded with the first file whose type depends on its extension. */
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
