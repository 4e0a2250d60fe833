/** Types that say nothing about the bytes. curl sends `application/x-www-form-urlencoded` with every body that has no other type. */
const OPAQUE = new Set([
  'application/octet-stream',
  'application/octetstream',
  'application/octet',
  'application/x-octet-stream',
  'application/binary',
  'application/unknown',
  'application/x-unknown',
  'application/x-unknown-content-type',
  'application/download',
  'application/x-download',
  'application/force-download',
  'application/x-force-download',
  'application/x-forcedownload',
  'application/save',
  'application/file',
  'application/x-file',
  'application/x-www-form-urlencoded',
  'binary/octet-stream',
  'content/unknown',
  'multipart/form-data',
  'unknown/unknown',
  'unknown/application',
  'www/unknown',
])

/** Returns true if a type says nothing about the bytes: a type such as `application/octet-stream`, or one with a wildcard. */
export const isOpaque = (essence: string): boolean =>
  OPAQUE.has(essence) || essence === '*' || essence.startsWith('*/') || essence.endsWith('/*')

/** Other names that browsers, operating systems and libraries use for a type. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  'image/jpeg': [
    'image/jpg',
    'image/pjpeg',
    'image/pjpg',
    'image/jpe',
    'image/jfif',
    'image/pipeg',
    'image/x-jpeg',
    'image/x-jpg',
    'image/x-citrix-jpeg',
    'application/jpg',
    'application/jpeg',
    'application/x-jpg',
  ],
  // An animated PNG is a PNG. Decoders without support for animations show its first picture.
  'image/png': ['image/x-png', 'image/apng', 'image/vnd.mozilla.apng', 'image/x-citrix-png', 'application/png'],
  'image/gif': ['image/x-gif', 'image/x-citrix-gif'],
  'image/webp': ['image/x-webp'],
  'image/avif': ['image/avif-sequence', 'image/x-avif'],
  'image/tiff': ['image/tif', 'image/x-tiff', 'image/x-tif', 'application/tiff', 'application/tif'],
  'image/bmp': ['image/x-bmp', 'image/x-ms-bmp', 'image/x-windows-bmp', 'image/x-win-bitmap', 'application/bmp'],
  'image/x-icon': ['image/vnd.microsoft.icon', 'image/ico', 'image/icon', 'image/x-ico', 'application/ico', 'text/ico'],
  'image/svg+xml': ['image/svg', 'image/svg-xml', 'image/x-svg', 'image/x-svg+xml', 'application/svg+xml'],
  'image/heic': ['image/heic-sequence', 'image/x-heic'],
  'image/heif': ['image/heif-sequence', 'image/x-heif'],
  'text/csv': [
    'text/x-csv',
    'text/comma-separated-values',
    'text/x-comma-separated-values',
    'application/csv',
    'application/x-csv',
    'application/comma-separated-values',
    'application/vnd.csv',
  ],
  'text/tab-separated-values': [
    'text/tsv',
    'text/x-tsv',
    'text/x-tab-separated-values',
    'application/tsv',
    'application/x-tsv',
    'application/tab-separated-values',
  ],
  'text/plain': ['plain/text', 'text/txt', 'text/text', 'text/anytext', 'application/txt', 'application/x-txt'],
  'text/markdown': ['text/x-markdown', 'text/x-web-markdown', 'application/markdown', 'application/x-markdown'],
  'application/json': ['text/json', 'text/x-json', 'application/x-json'],
  'application/pdf': ['application/x-pdf'],
  'application/zip': ['application/x-zip-compressed', 'application/x-zip'],
  'application/gzip': ['application/x-gzip'],
  'audio/mpeg': ['audio/mp3', 'audio/x-mp3', 'audio/mpeg3', 'audio/x-mpeg', 'audio/x-mpeg-3'],
  'audio/wav': ['audio/x-wav', 'audio/wave', 'audio/vnd.wave', 'audio/x-pn-wav'],
}

const CANONICAL = new Map(Object.entries(ALIASES).flatMap(([type, names]) => names.map(name => [name, type] as const)))

/** Returns the usual name of a type. @param essence in lower case, without parameters */
export const canonicalType = (essence: string): string => CANONICAL.get(essence) ?? essence

const EXCEL = new Set([
  'application/vnd.ms-excel',
  'application/excel',
  'application/msexcel',
  'application/x-excel',
  'application/x-msexcel',
  'application/x-ms-excel',
  'application/xls',
  'application/x-xls',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
])

/** Returns true for a type of Excel. If Excel is installed, Windows declares CSV files as Excel files. */
export const isExcel = (essence: string): boolean => EXCEL.has(essence)

/** A type and a subtype of RFC 9110. Of a comma-separated list, which results from two headers, the first type counts. */
const ESSENCE = /^\s*([!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+)\s*(?:[;,]|$)/i

/** Maximum length of a content type that is parsed, in characters. The api accepts shorter ones only; other producers may write longer ones. */
const MAX_LENGTH = 512

/** Returns the canonical declared type, or undefined if it is missing, malformed, or says nothing about the bytes. */
export function declaredType(contentType: string): string | undefined {
  if (contentType.length > MAX_LENGTH) return undefined
  const essence = ESSENCE.exec(contentType)?.[1]?.toLowerCase()
  return essence === undefined || isOpaque(essence) ? undefined : canonicalType(essence)
}
