import type { Transform } from '../transform.ts'

/** Copies the content, its type and its encoding unchanged. */
export const copy: Transform = {
  name: 'copy',
  version: '1',
  apply: (input, { upload: { contentType, contentEncoding } }) => ({
    contentType,
    ...(contentEncoding !== undefined && { contentEncoding }),
    body: input,
  }),
}
