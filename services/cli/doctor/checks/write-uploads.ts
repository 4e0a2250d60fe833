import type { Check } from '../check.ts'
import { tryToWrite } from '../try-to-write.ts'

export const writeUploads: Check = {
  id: 'write-uploads',
  title: 'uploads can be written to their bucket',
  run: context => tryToWrite(context, 'UPLOAD_BUCKET', 'uploads/'),
}
