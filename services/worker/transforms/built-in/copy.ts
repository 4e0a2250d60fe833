import type { Transform } from '../transform.ts'

/** The content unchanged, and its encoding with it. */
export const copy: Transform = {
  name: 'copy',
  version: '1',
  apply: (input, { upload: { contentType, contentEncoding } }) => ({
    contentType,
    ...(contentEncoding !== undefined && { contentEncoding }),
    body: input,
  }),
}
