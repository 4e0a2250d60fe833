/** The type and subtype of a content type, in lower case, without parameters. */
export function essenceOf(contentType: string): string {
  const [essence = ''] = contentType.split(';', 1)
  return essence.trim().toLowerCase()
}

const TEXT =
  /^(?:text\/.+|application\/(?:json|xml|javascript|ecmascript|x-javascript|yaml|x-yaml|toml|sql|graphql|x-sh|x-ndjson)|.+\+(?:json|xml|yaml))$/

/** Those that are known by their first bytes, and are text all the same. */
const TEXT_WITH_MAGIC = new Set([
  'application/rtf',
  'application/postscript',
  'application/eps',
  'application/pgp-encrypted',
  'application/x-ms-regedit',
])

export const isText = (essence: string): boolean => TEXT.test(essence) || TEXT_WITH_MAGIC.has(essence)

/** Every file of these kinds shows of what kind it is, whether or not its own type is known here. */
export const isRecognizable = (essence: string): boolean => /^(?:image|audio|video|font)\//.test(essence)

const NEVER_TEXT =
  /^(?:image\/(?:png|x-png|apng|jpe?g|pjpeg|jfif|x-jpe?g|gif|webp|avif|heic|heif|bmp|x-ms-bmp|tiff)|video\/(?:mp4|quicktime|webm)|application\/(?:pdf|x-pdf|zip|x-zip-compressed|gzip|x-gzip))$/

/** Whether a file of this type has bytes that no text has, or begins in a way of its own. */
export const isNeverText = (essence: string): boolean => NEVER_TEXT.test(essence)

const OFFICE = 'msword|vnd\\.ms-(?!fontobject|cab|htmlhelp|asf).+|vnd\\.openxmlformats-.+|(?:vnd\\.)?visio'
const ZIPPED = 'zip|x-zip|x-zip-compressed|.+\\+zip|(?:x-)?java-archive|x-xpinstall|vnd\\.android\\.package-archive'
const ZIPPED_DOCUMENTS = 'vnd\\.oasis\\.opendocument\\..+|vnd\\.apple\\.(?:keynote|numbers|pages)'

/** What may be one file: names of one thing, a container and what is made of it, and kinds whose subtypes are mixed up. */
const RELATED: readonly RegExp[] = [
  new RegExp(`^(?:application/(?:${ZIPPED}|${ZIPPED_DOCUMENTS}|${OFFICE})|model/3mf)$`),
  new RegExp(`^application/(?:x-cfb|x-ole-storage|x-msi|${OFFICE})$`),
  /^application\/(?:(?:x-)?(?:gzip|compressed-tar|gtar-compressed|tgz|tar|gtar)|.+\+gzip)$/,
  /^application\/(?:pdf|x-pdf|(?:vnd\.adobe\.)?illustrator|postscript)$/,
  /^application\/(?:x-rar|x-rar-compressed|vnd\.rar)$/,
  /^application\/x-7z(?:-compressed)?$/,
  /^application\/(?:x-)?bzip2?$/,
  /^application\/(?:x-sqlite3|vnd\.sqlite3)$/,
  /^application\/(?:vnd\.apache\.|x-)parquet$/,
  /^application\/(?:x-elf|x-executable|x-sharedlib|x-object|x-mach-binary|x-msdownload|x-dosexec|vnd\.microsoft\.portable-executable)$/,
  /^(?:audio\/.+|video\/.+|application\/(?:ogg|mxf|vnd\.ms-asf|vnd\.rn-realmedia|mp4|x-matroska))$/,
  /^(?:font\/.+|application\/(?:vnd\.ms-fontobject|(?:x-)?font-.+))$/,
  /^image\/.+$/,
]

/** Types that more is made of than their first bytes show. */
const CONTAINERS = new Set([
  'application/zip',
  'application/x-cfb',
  'application/xml',
  'application/gzip',
  'application/ogg',
])

export const isContainer = (essence: string): boolean => CONTAINERS.has(essence)

/** Whether two types may be of one file. */
export function areRelated(a: string, b: string): boolean {
  return a === b || (isText(a) && isText(b)) || RELATED.some(group => group.test(a) && group.test(b))
}

/** Whether a type is one of a list of patterns: `image/png`, `image/*`, or any type by the two-sided wildcard. */
export function matchesAny(essence: string, patterns: readonly string[]): boolean {
  const [type] = essence.split('/', 1)
  return patterns.some(pattern => pattern === essence || pattern === `${type}/*` || pattern === '*/*')
}
