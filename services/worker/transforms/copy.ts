import type { Transform } from './transform.ts'

/** The content unchanged: what becomes of everything that no other transform takes. */
export const copy: Transform = {
  name: 'copy',
  version: '1',
  accepts: () => true,
  apply: (input, { upload }) => ({ contentType: upload.contentType, body: input }),
}
