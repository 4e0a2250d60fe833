/** Start and end of each construct that may precede the root of an XML document. */
const BEFORE_ROOT: readonly (readonly [start: string, end: string])[] = [
  ['<?', '?>'],
  ['<!--', '-->'],
]

/** Returns true if the first bytes of a file are an SVG, whose root is `svg`. Takes time in proportion to the bytes. */
export function isSvg(head: Uint8Array): boolean {
  if (!beginsLikeMarkup(head)) return false
  const text = textOf(head)
  let at = pastBlanks(text, 0)
  for (;;) {
    const [, end] = BEFORE_ROOT.find(([start]) => text.startsWith(start, at)) ?? []
    const next = end === undefined ? pastDoctype(text, at) : past(text, end, at)
    if (next === at) break
    if (next === -1) return false
    at = pastBlanks(text, next)
  }
  return /^<(?:[A-Za-z_][\w.-]{0,63}:)?svg[\s/>]/.test(text.slice(at, at + 80))
}

/** Returns true if the bytes start with `<`, after a byte-order mark and blanks. For most texts the first byte already says no. */
function beginsLikeMarkup(head: Uint8Array): boolean {
  for (const byte of head.subarray(0, 512)) {
    if (byte === 0x3c) return true
    if (!MAY_PRECEDE.has(byte)) return false
  }
  return false
}

/** Blanks, bytes of byte-order marks, and the NUL bytes of UTF-16. */
const MAY_PRECEDE = new Set([0x00, 0x09, 0x0a, 0x0d, 0x20, 0xef, 0xbb, 0xbf, 0xff, 0xfe])

function textOf(head: Uint8Array): string {
  const isBigEndian = head[0] === 0xfe && head[1] === 0xff
  const isUtf16 = isBigEndian || (head[0] === 0xff && head[1] === 0xfe)
  const text = new TextDecoder(isUtf16 ? (isBigEndian ? 'utf-16be' : 'utf-16le') : 'latin1').decode(head)
  return text.startsWith('ï»¿') ? text.slice(3) : text
}

/** Returns the position after a document type and its internal subset: `at` if the text has no document type, -1 if the document type does not end. */
function pastDoctype(text: string, at: number): number {
  if (text.slice(at, at + 9).toUpperCase() !== '<!DOCTYPE') return at
  const end = text.indexOf('>', at)
  const subset = text.indexOf('[', at)
  if (end === -1) return -1
  if (subset === -1 || subset > end) return end + 1
  const closed = past(text, ']', subset)
  return closed === -1 ? -1 : past(text, '>', closed)
}

function past(text: string, end: string, from: number): number {
  const at = text.indexOf(end, from)
  return at === -1 ? -1 : at + end.length
}

function pastBlanks(text: string, from: number): number {
  let at = from
  while (at < text.length && /\s/.test(text[at] ?? '')) at++
  return at
}
