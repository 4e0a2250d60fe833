import { isOpaque, parseMediaType } from '../media-type.ts'
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

export function createMatcher({ contentType, filename, encoded = false }: Match): (upload: TransformUpload) => boolean {
  const types = contentType?.map(compileWildcards)
  const names = filename?.map(compileWildcards)
  return upload => {
    if (upload.contentEncoding !== undefined && !encoded) return false
    if (types && !types.some(matches => matches(essenceOf(upload.contentType)))) return false
    return !names || names.some(matches => matches(upload.filename))
  }
}

/** A type that says nothing, or is none, counts as `application/octet-stream`. */
function essenceOf(contentType: string): string {
  const type = parseMediaType(contentType)
  return type === undefined || isOpaque(type) ? 'application/octet-stream' : type.essence
}
