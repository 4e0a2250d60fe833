import path from 'node:path'
import { Type } from 'typebox'
import {
  ConnectionError,
  InvalidTokenError,
  type Progress,
  type Upload,
  type UploadedFile,
  type UploadMethod,
} from '../../../client/index.ts'
import { didYouMean } from '../../../platform/did-you-mean.ts'
import { defineCommand } from '../../command.ts'
import { exitCodes, SignInError, UsageError } from '../../errors.ts'
import { nameText, type Output } from '../../output.ts'
import { type Connection, PROFILE_HELP, profileOption, withClient } from '../../session/connect.ts'
import { sizeText } from '../../sizes.ts'
import { type FoundFiles, findFiles, type LocalFile } from '../../uploading/find-files.ts'
import { KnownUploads } from '../../uploading/known-uploads.ts'
import { METADATA_VALUE, metadataOf } from '../../uploading/metadata-option.ts'
import { createProgress, type ProgressDisplay } from '../../uploading/progress.ts'
import { uploadOne } from '../../uploading/upload-one.ts'
import { outputLines } from './upload-text.ts'

const DEFAULT_CONCURRENCY = 4
const MAX_CONCURRENCY = 64
const METHODS = ['raw', 'grant', 'tus'] as const

export const upload = defineCommand({
  name: 'upload',
  group: 'upload',
  summary: 'upload files',
  operands: 'FILE…',
  takesFiles: true,
  details: `FILE may be a file, a directory with --recursive, a pattern in quotation marks, or - for the standard input. A directory in a
directory is read too. An upload has the name of the file, without its directories.

A file is skipped if one of your newest uploads has the same name and content, and the same metadata if you give some. If the command is interrupted, run it again: it goes on
where it stopped. Parts of a large file that have arrived are kept for a day.

${PROFILE_HELP}`,
  options: {
    recursive: { type: 'boolean', short: 'r', description: 'upload the files in directories' },
    wait: {
      type: 'boolean',
      short: 'w',
      description: 'wait until the files are processed, and show where the outputs are',
    },
    concurrency: {
      type: 'string',
      short: 'c',
      value: 'NUMBER',
      description: `how many files are uploaded at once, at most ${MAX_CONCURRENCY} (default: ${DEFAULT_CONCURRENCY})`,
    },
    name: {
      type: 'string',
      short: 'n',
      value: 'NAME',
      description: 'the name of the upload, for one file. Required for -',
    },
    type: {
      type: 'string',
      short: 't',
      value: 'TYPE',
      description: 'the media type (default: detected from the content)',
    },
    metadata: {
      type: 'string',
      short: 'm',
      multiple: true,
      value: METADATA_VALUE,
      description: 'what to keep with each file. May be repeated',
    },
    method: { type: 'string', value: METHODS.join('|'), description: 'how the bytes are sent (default: by the size)' },
    force: { type: 'boolean', description: 'upload files again that are there already' },
    ...profileOption,
  },
  config: Type.Object({}),
  async run({ options, operands, env, output }) {
    const { name, type } = options
    const settings = {
      contentType: type,
      metadata: metadataOf(options.metadata),
      method: methodOf(options.method),
      concurrency: concurrencyOf(options.concurrency),
      isForced: options.force === true,
      isAwaited: options.wait === true,
    }
    if (type !== undefined && !/^[\x21-\x7e][\x20-\x7e]*$/.test(type))
      throw new UsageError('--type must be a media type, such as text/plain.')
    const onInterrupt = 'Stopped. Run the same command again to go on.'
    if (operands.length === 0) throw new UsageError('Name the files to upload. See: headgate upload --help')
    if (operands.includes('-')) {
      if (operands.length > 1)
        throw new UsageError('The standard input (-) is uploaded alone. Upload files by another command.')
      if (name === undefined) throw new UsageError('The standard input has no name. Add --name NAME.')
      return await withClient(
        { env, options, output, onInterrupt: 'Stopped.' },
        async connection =>
          await uploadFiles([{ path: '-', name, size: 0 }], { ...settings, connection, output, unreadable: [] }),
      )
    }
    const { files: found, unreadable } = await findFiles(operands, { recursive: options.recursive === true })
    const files = found.map(file => ({ ...file, name: name ?? path.basename(file.path) }))
    if (files.length === 0 && unreadable.length === 0) throw new UsageError('There are no files in the directory.')
    if (name !== undefined && files.length > 1)
      throw new UsageError(`--name is for one file, but there are ${files.length}.`)
    return await withClient(
      { env, options, output, onInterrupt },
      async connection => await uploadFiles(files, { ...settings, connection, output, unreadable }),
    )
  },
})

interface NamedFile extends LocalFile {
  name: string
}

interface Settings {
  connection: Connection
  output: Output
  contentType: string | undefined
  metadata: Record<string, string> | undefined
  method: UploadMethod | undefined
  concurrency: number
  isForced: boolean
  isAwaited: boolean
  unreadable: FoundFiles['unreadable']
}

/** Uploads files, some at once. Resolves to the exit code. A file that fails does not stop the others. */
async function uploadFiles(files: readonly NamedFile[], settings: Settings): Promise<number> {
  const { connection, output, concurrency, unreadable } = settings
  const { headgate, url, profile, signal } = connection
  output.note(`Uploading to ${url}${profile === undefined ? '' : ` (profile ${profile})`}`)
  const known = new KnownUploads(headgate, files.length, signal)
  const display = createProgress(output.json ? undefined : process.stderr, files)
  const count = { uploaded: 0, there: 0, failed: unreadable.length }
  for (const { path: file, reason } of unreadable) {
    output.failure(new UsageError(reason), `failed ${nameText(file)}: `, { file })
  }
  const waiting = files.values()
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  const work = async () => {
    for (const file of waiting) {
      try {
        const { wasThere, found } = await uploadFile(file, { ...settings, known, display, signal: either })
        count[wasThere ? 'there' : 'uploaded']++
        display.end(file, wasThere)
        display.above(() => output.item({ file: file.path, wasThere, ...found }, resultText(file, found, wasThere)))
      } catch (error) {
        either.throwIfAborted()
        if (isFatal(error)) throw error
        count.failed++
        display.end(file, true)
        display.above(() => output.failure(error, `failed ${nameText(file.path)}: `, { file: file.path }))
      }
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(concurrency, files.length) }, work))
  } finally {
    stop.abort()
    display.stop()
  }
  if (files.length + unreadable.length > 1) {
    const there = count.there === 0 ? '' : `, ${count.there} already there`
    const failed = count.failed === 0 ? '' : `, ${count.failed} failed`
    output.note(`${count.uploaded} uploaded${there}${failed}.`)
  }
  return count.failed > 0 ? exitCodes.failed : exitCodes.done
}

interface FileSettings extends Settings {
  known: KnownUploads
  display: ProgressDisplay
  signal: AbortSignal
}

async function uploadFile(
  file: NamedFile,
  {
    connection: { headgate },
    contentType,
    metadata,
    method,
    isForced,
    isAwaited,
    known,
    display,
    signal,
  }: FileSettings,
): Promise<{ wasThere: boolean; found: Upload | UploadedFile }> {
  display.update(file, 0)
  const onProgress = ({ sentBytes }: Progress) => display.update(file, sentBytes)
  const options = { filename: file.name, contentType, metadata, method, signal, onProgress }
  const { wasThere, upload: found } =
    file.path === '-'
      ? { wasThere: false, upload: await headgate.upload(process.stdin, options) }
      : await uploadOne(headgate, known, file.path, { ...options, isForced })
  if (!isAwaited) return { wasThere, found }
  display.wait(file, found.status)
  const onStatus = ({ status }: Upload) => display.wait(file, status)
  return { wasThere, found: await headgate.waitUntilProcessed(found.uploadId, { signal, onStatus }) }
}

function resultText(file: NamedFile, found: Upload | UploadedFile, wasThere: boolean): string {
  const word = wasThere ? 'already there' : found.status === 'processed' ? 'processed' : 'uploaded'
  const line = `${word}  ${found.uploadId}  ${sizeText(found.size).padStart(8)}  ${nameText(file.path)}`
  return [line, ...('processed' in found ? outputLines(found) : [])].join('\n')
}

/** Other files would fail in the same way. */
function isFatal(error: unknown): boolean {
  return error instanceof ConnectionError || error instanceof InvalidTokenError || error instanceof SignInError
}

function methodOf(text: string | undefined): UploadMethod | undefined {
  const method = METHODS.find(known => known === text)
  if (text !== undefined && method === undefined) {
    throw new UsageError(`--method must be ${METHODS.join(', ')}, not '${text}'.${didYouMean(text, METHODS, "'")}`)
  }
  return method
}

function concurrencyOf(text = String(DEFAULT_CONCURRENCY)): number {
  const number = Number(text)
  if (/^\d{1,3}$/.test(text) && number >= 1 && number <= MAX_CONCURRENCY) return number
  throw new UsageError(`--concurrency must be a number from 1 to ${MAX_CONCURRENCY}, not '${text}'.`)
}
