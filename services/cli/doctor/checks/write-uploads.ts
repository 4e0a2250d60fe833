import type { Check } from '../check.ts'
import { checkWriteAccess } from '../try-to-write.ts'

export const writeUploads: Check = {
  id: 'write-uploads',
  title: 'uploads can be written to their bucket',
  run: context => checkWriteAccess(context, 'UPLOAD_BUCKET', 'uploads/'),
}
