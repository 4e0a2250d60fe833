import type { UploadRecord } from '../../uploads/records/record.ts'
import type { IncomingUpload } from './accept-upload.ts'
import { PartlyAcceptedError, RecordingUnknownError } from './errors.ts'

/** What all files of one request have in common. */
export interface AcceptAllOptions
  extends Pick<IncomingUpload, 'owner' | 'limits' | 'requestId' | 'traceparent' | 'log'> {
  /** Returns the upload id of a file by the file's index in the request. @default a new id for each file */
  idOf?: ((index: number) => string) | undefined
  /** Called when all files are stored and none is recorded. If it rejects, all objects are deleted. */
  confirm?: (() => Promise<void>) | undefined
}

/** One file of a request. */
export type IncomingFile = Omit<
  IncomingUpload,
  'owner' | 'limits' | 'requestId' | 'traceparent' | 'log' | 'uploadId' | 'confirm'
>

/**
 * Accepts either all files of a request or none. Each file is stored while it arrives, and no file is recorded before the last one
 * is stored. If one file is rejected, the files before it are deleted, so the client can send the same request again.
 *
 * @param accept accepts one file
 * @returns the uploads, in the order of the files
 * @throws the error of the file that could not be stored
 * @throws PartlyAcceptedError if all files were stored, but not all could be recorded. The recorded files are accepted.
 */
export async function acceptAll(
  accept: (upload: IncomingUpload) => Promise<UploadRecord>,
  files: AsyncIterable<IncomingFile>,
  { idOf, confirm, ...common }: AcceptAllOptions,
): Promise<UploadRecord[]> {
  const { promise: allStored, resolve: proceed, reject: rejectAll } = Promise.withResolvers<void>()
  // Each upload that waits reports the error. If no upload waits, the rejection must not count as unhandled.
  allStored.catch(() => undefined)
  const uploads: Promise<UploadRecord>[] = []
  try {
    for await (const file of files) {
      const { promise: stored, resolve } = Promise.withResolvers<void>()
      const hold = () => {
        resolve()
        return allStored
      }
      const upload = accept({ ...file, ...common, uploadId: idOf?.(uploads.length), confirm: hold })
      uploads.push(upload)
      await Promise.race([stored, upload])
    }
    await confirm?.()
    proceed()
  } catch (error) {
    rejectAll(error)
    await Promise.allSettled(uploads)
    throw error
  }
  return collectResults(await Promise.allSettled(uploads))
}

function collectResults(results: ReadonlyArray<PromiseSettledResult<UploadRecord>>): UploadRecord[] {
  const failures = results.filter(result => result.status === 'rejected')
  // An unknown result comes first: the client must not take an upload for rejected that may be recorded.
  const failed = failures.find(({ reason }) => reason instanceof RecordingUnknownError) ?? failures[0]
  const accepted = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  if (!failed) return accepted
  if (accepted.length === 0) throw failed.reason
  const places = (isUnknown: boolean) =>
    results.flatMap((result, index) =>
      result.status === 'rejected' && result.reason instanceof RecordingUnknownError === isUnknown ? [index + 1] : [],
    )
  throw new PartlyAcceptedError(accepted, { rejected: places(false), unknown: places(true) }, failed.reason)
}
