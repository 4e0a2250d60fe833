/** Returns the type and subtype of a content type, in lower case, without parameters. */
export function essenceOf(contentType: string): string {
  const [essence = ''] = contentType.split(';', 1)
  return essence.trim().toLowerCase()
}

const TEXT =
  /^(?:text\/.+|application\/(?:json|xml|javascript|ecmascript|x-javascript|yaml|x-yaml|toml|sql|graphql|x-sh|x-ndjson)|.+\+(?:json|xml|yaml))$/

/** Text types that files show by their first bytes. */
const TEXT_WITH_MAGIC = new Set([
  'application/rtf',
  'application/postscript',
  'application/eps',
  'application/pgp-encrypted',
  'application/x-ms-regedit',
])

export const isText = (essence: string): boolean => TEXT.test(essence) || TEXT_WITH_MAGIC.has(essence)

/** Returns true for images, audio, video and fonts, whose files all show by their bytes to which of these kinds they belong. */
export const isRecognizable = (essence: string): boolean => /^(?:image|audio|video|font)\//.test(essence)

const NEVER_TEXT =
  /^(?:image\/(?:png|x-png|apng|jpe?g|pjpeg|jfif|x-jpe?g|gif|webp|avif|heic|heif|bmp|x-ms-bmp|tiff)|video\/(?:mp4|quicktime|webm)|application\/(?:pdf|x-pdf|zip|x-zip-compressed|gzip|x-gzip))$/

/** Returns true if files of this type always have bytes that texts do not have, or a signature. */
export const isNeverText = (essence: string): boolean => NEVER_TEXT.test(essence)

const OFFICE = 'msword|vnd\\.ms-(?!fontobject|cab|htmlhelp|asf).+|vnd\\.openxmlformats-.+|(?:vnd\\.)?visio'
const ZIPPED = 'zip|x-zip|x-zip-compressed|.+\\+zip|(?:x-)?java-archive|x-xpinstall|vnd\\.android\\.package-archive'
const ZIPPED_DOCUMENTS = 'vnd\\.oasis\\.opendocument\\..+|vnd\\.apple\\.(?:keynote|numbers|pages)'

/** Groups of types that one file may have: names of one type, a container and its formats, and kinds whose subtypes clients confuse. */
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

/** Types whose files may have a more specific type that their first bytes do not show. */
const CONTAINERS = new Set([
  'application/zip',
  'application/x-cfb',
  'application/xml',
  'application/gzip',
  'application/ogg',
])

export const isContainer = (essence: string): boolean => CONTAINERS.has(essence)

/** Returns true if one file may have both types. */
export function areRelated(a: string, b: string): boolean {
  return a === b || (isText(a) && isText(b)) || RELATED.some(group => group.test(a) && group.test(b))
}

/** Returns true if a type matches one of the patterns: `image/png`, `image/*`, or the wildcard for every type. */
export function matchesAny(essence: string, patterns: readonly string[]): boolean {
  const [type] = essence.split('/', 1)
  return patterns.some(pattern => pattern === essence || pattern === `${type}/*` || pattern === '*/*')
}
