import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Headgate,
  IdempotencyKeyReusedError,
  NotFoundError,
  StorageError,
  type Upload,
  type UploadedFile,
  type UploadOptions,
} from '../../client/index.ts'
import { sha256OfFile } from '../../client/node-files.ts'
import { sortedPairs } from '../../uploads/objects/client-metadata.ts'
import { KnownUploads } from './known-uploads.ts'

/** The time between two looks at an upload that another command finishes, in milliseconds. */
const RECORDING_MS = 500
/** How many uploads of a day with the same name and content may have failed or been deleted. */
const MAX_KEYS = 20

/** How to upload a file. */
export interface UploadOneOptions extends Omit<UploadOptions, 'idempotencyKey' | 'sha256'> {
  filename: string
  signal: AbortSignal
  /** Uploads the file even if it is there. */
  isForced: boolean
}

/** The upload of a file, and whether it was there before. */
export type Outcome = { wasThere: boolean; upload: Upload | UploadedFile }

/**
 * Uploads a file, unless the user has an upload with its name and content.
 *
 * The Idempotency-Key is derived from the name and the content. So the same command continues an upload that was interrupted, even by
 * kill -9, and nothing has to be remembered on this machine.
 */
export async function uploadOne(
  headgate: Headgate,
  known: KnownUploads,
  file: string,
  { isForced, ...options }: UploadOneOptions,
): Promise<Outcome> {
  if (isForced) return { wasThere: false, upload: await headgate.upload(file, options) }
  const { filename, contentType = '', metadata, signal } = options
  const sha256 = await sha256OfFile(file, signal)
  const existing = await known.find({ filename, sha256, metadata })
  if (existing) return { wasThere: true, upload: existing }
  let idempotencyKey = keyOf(
    sha256,
    filename,
    contentType,
    ...(metadata ? [JSON.stringify(sortedPairs(metadata))] : []),
  )
  for (let keys = 1; ; keys++) {
    try {
      const upload = await headgate.upload(file, { ...options, sha256, idempotencyKey })
      if (!upload.isReplay || keys > MAX_KEYS) return { wasThere: false, upload }
      if (await isAlive(headgate, upload, signal)) return { wasThere: true, upload }
    } catch (error) {
      if (!mayBeThere(error) || keys > MAX_KEYS) throw error
      const arrived = await new KnownUploads(headgate, 1, signal).find({ filename, sha256, metadata })
      if (arrived) return { wasThere: true, upload: arrived }
      if (error instanceof StorageError) {
        // The other command is recording the upload at this moment. The same key shows the result.
        await sleep(RECORDING_MS, undefined, { signal })
        continue
      }
    }
    // Today's upload with this key has failed, or was deleted since.
    idempotencyKey = keyOf(idempotencyKey)
  }
}

/** Another command may have finished the same upload: then its key is used up, or S3 no longer has its multipart upload. */
function mayBeThere(error: unknown): boolean {
  return error instanceof IdempotencyKeyReusedError || (error instanceof StorageError && error.status === 404)
}

async function isAlive(headgate: Headgate, { uploadId }: UploadedFile, signal: AbortSignal): Promise<boolean> {
  try {
    const { status } = await headgate.status(uploadId, { signal })
    return status !== 'failed' && status !== 'quarantined'
  } catch (error) {
    if (error instanceof NotFoundError) return false
    throw error
  }
}

function keyOf(...parts: readonly string[]): string {
  return `headgate-${createHash('sha256').update(parts.join('\0')).digest('hex')}`
}
