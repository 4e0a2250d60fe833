import type { Check } from '../check.ts'
import { checkWriteAccess } from '../try-to-write.ts'

export const writeProcessed: Check = {
  id: 'write-processed',
  title: 'processed objects can be written to their bucket',
  run: context => checkWriteAccess(context, 'PROCESSED_BUCKET', 'processed/'),
}
