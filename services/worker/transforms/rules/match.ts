import type { TypeSource } from '../../../uploads/media-types/media-type-of.ts'
import { canonicalType, declaredType } from '../../../uploads/media-types/type-names.ts'
import type { TransformUpload } from '../transform.ts'
import { compileWildcards } from './wildcards.ts'

/** What an upload must be for a rule to have it: all that is named. */
export interface Match {
  /** Patterns of media types without parameters, such as `image/*`. */
  contentType?: readonly string[]
  /** Patterns of file names, with `*` and `?`, in any case. */
  filename?: readonly string[]
  /** Whether it also has what is encoded, gzip for instance. That is not what its content type says until somebody decodes it. */
  encoded?: boolean
}

/** An upload as rules look at it. */
export interface RoutedUpload extends TransformUpload {
  /** What its `mediaType` was found by. */
  readonly typeSource: TypeSource
}

export function createMatcher({ contentType, filename, encoded = false }: Match): (upload: RoutedUpload) => boolean {
  const types = contentType?.flatMap(pattern => [pattern, canonicalType(pattern.toLowerCase())]).map(compileWildcards)
  const names = filename?.map(compileWildcards)
  return upload => {
    if (upload.contentEncoding !== undefined && !encoded) return false
    if (types && !typesOf(upload).some(type => types.some(matches => matches(type)))) return false
    // A name that nobody gave matches only what any name does.
    return !names || names.some(matches => matches(upload.filenameGenerated ? '' : upload.filename))
  }
}

/** A rule may also name the declared type, unless the bytes are of another. One that says nothing is `application/octet-stream`. */
function typesOf({ mediaType, typeSource, contentType }: RoutedUpload): readonly string[] {
  if (typeSource === 'bytes') return [mediaType]
  return [mediaType, declaredType(contentType) ?? 'application/octet-stream']
}
