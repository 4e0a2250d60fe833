import { compileWildcards } from '../../../platform/wildcards.ts'
import type { TypeSource } from '../../../uploads/media-types/media-type-of.ts'
import { canonicalType, declaredType } from '../../../uploads/media-types/type-names.ts'
import type { TransformUpload } from '../transform.ts'

/** What a rule matches. An upload must meet all given conditions. */
export interface Match {
  /** Patterns of media types without parameters, such as `image/*`. */
  contentType?: readonly string[]
  /** Patterns of file names, with `*` and `?`, in any case. */
  filename?: readonly string[]
  /** True to match encoded content, too, gzip for example. Its bytes are not of its content type before they are decoded. */
  encoded?: boolean
}

/** An upload as rules see it. */
export interface RoutedUpload extends TransformUpload {
  /** How `mediaType` was found. */
  readonly typeSource: TypeSource
}

export function createMatcher({ contentType, filename, encoded = false }: Match): (upload: RoutedUpload) => boolean {
  const types = contentType?.flatMap(pattern => [pattern, canonicalType(pattern.toLowerCase())]).map(compileWildcards)
  const names = filename?.map(compileWildcards)
  return upload => {
    if (upload.contentEncoding !== undefined && !encoded) return false
    if (types && !typesOf(upload).some(type => types.some(matches => matches(type)))) return false
    // A generated name matches only patterns that match any name.
    return !names || names.some(matches => matches(upload.filenameGenerated ? '' : upload.filename))
  }
}

/** A rule may also match the declared type, unless the bytes show another. Without a declared type it is `application/octet-stream`. */
function typesOf({ mediaType, typeSource, contentType }: RoutedUpload): readonly string[] {
  if (typeSource === 'bytes') return [mediaType]
  return [mediaType, declaredType(contentType) ?? 'application/octet-stream']
}
