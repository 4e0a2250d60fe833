import type { UploadRecord } from '../../uploads/records/record.ts'
import type { AcceptUpload, IncomingUpload } from './accept-upload.ts'
import { PartlyAcceptedError, RecordingUnknownError } from './errors.ts'

/** What the files of one request have in common. */
export interface AcceptAllOptions extends Pick<IncomingUpload, 'owner' | 'requestId' | 'traceparent' | 'log'> {
  /** The id of the upload that a file becomes, by its place in the request. Left out, a new one. */
  idOf?: ((index: number) => string) | undefined
  /** Whether uploads with these ids may have been accepted before. */
  isRetry?: boolean
  /** Called when all are stored and none is recorded. When it rejects, nothing of any stays. */
  confirm?: (() => Promise<void>) | undefined
}

export type Arriving = Omit<
  IncomingUpload,
  'owner' | 'requestId' | 'traceparent' | 'log' | 'uploadId' | 'isRetry' | 'confirm'
>

/** Resolves to the uploads that the files of a request have become, in their order. */
export type AcceptAll = (files: AsyncIterable<Arriving>, options: AcceptAllOptions) => Promise<UploadRecord[]>

/**
 * Accepts the files of a request all together or not at all: each is stored as it comes, and none is recorded before the last
 * is stored. A file that is refused so takes those before it along, and a client sends the same again without a thought of
 * which of them are there already.
 *
 * The function it makes rejects with the error of the file that could not be stored, and with a PartlyAcceptedError where all
 * were stored and not all could be recorded: those that were are accepted.
 */
export function createAcceptAll(accept: AcceptUpload): AcceptAll {
  return async (files, { idOf, isRetry = false, confirm, ...common }) => {
    const { promise: allStored, resolve: goOn, reject: takeBack } = Promise.withResolvers<void>()
    // Whoever waits for it sees its error; with no file stored nobody does.
    allStored.catch(() => undefined)
    const uploads: Promise<UploadRecord>[] = []
    try {
      for await (const file of files) {
        const { promise: stored, resolve } = Promise.withResolvers<void>()
        const hold = () => {
          resolve()
          return allStored
        }
        const upload = accept({ ...file, ...common, uploadId: idOf?.(uploads.length), isRetry, confirm: hold })
        uploads.push(upload)
        await Promise.race([stored, upload])
      }
      await confirm?.()
      goOn()
    } catch (error) {
      takeBack(error)
      await Promise.allSettled(uploads)
      throw error
    }
    return together(await Promise.allSettled(uploads))
  }
}

function together(results: ReadonlyArray<PromiseSettledResult<UploadRecord>>): UploadRecord[] {
  const failures = results.filter(result => result.status === 'rejected')
  // Of several the one that leaves most open: nobody must take for refused what may be recorded.
  const failed = failures.find(({ reason }) => reason instanceof RecordingUnknownError) ?? failures[0]
  const accepted = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  if (!failed) return accepted
  if (accepted.length === 0) throw failed.reason
  const places = (isUnknown: boolean) =>
    results.flatMap((result, index) =>
      result.status === 'rejected' && result.reason instanceof RecordingUnknownError === isUnknown ? [index + 1] : [],
    )
  throw new PartlyAcceptedError(accepted, { refused: places(false), unknown: places(true) }, failed.reason)
}
