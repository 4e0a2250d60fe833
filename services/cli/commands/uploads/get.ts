import { createWriteStream, type Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { Type } from 'typebox'
import type { DownloadOptions, Upload } from '../../../client/index.ts'
import { defineCommand } from '../../command.ts'
import { RefusedError, UsageError } from '../../errors.ts'
import { nameText } from '../../output.ts'
import { PROFILE_HELP, profileOption, withClient } from '../../session/connect.ts'
import { sizeText } from '../../sizes.ts'
import { downloadInto, downloadTo } from '../../uploading/download-to.ts'
import { uploadId } from './upload-ids.ts'

export const get = defineCommand({
  name: 'get',
  group: 'upload',
  summary: 'download an upload, or an output of it',
  operands: 'ID',
  details: `Writes the file as it was uploaded into the current folder, under its own name. With --processed or --output, writes an output. The
bytes are written to a hidden file beside it, which gets its name when it is complete. If the command is interrupted, run it again: it
downloads only what is missing.

${PROFILE_HELP}`,
  options: {
    processed: { type: 'boolean', description: 'download the main output' },
    output: {
      type: 'string',
      value: 'NAME',
      description: 'download this output. `headgate status ID` lists the names',
    },
    file: {
      type: 'string',
      short: 'o',
      value: 'FILE',
      description: 'where to write it: a file, a folder, or - for the standard output',
    },
    force: { type: 'boolean', description: 'replace a file that exists' },
    ...profileOption,
  },
  config: Type.Object({}),
  async run({ options, operands, env, output }) {
    const id = uploadId(operands)
    const what = whatOf(options)
    const onInterrupt = 'Stopped. Run the same command again to go on.'
    return await withClient({ env, options, output, onInterrupt }, async ({ headgate, signal }) => {
      const upload = await headgate.status(id, { signal })
      const source = { headgate, upload, what, signal }
      if (options.file === '-') {
        await downloadInto(process.stdout, source)
        return undefined
      }
      const file = await targetOf(options.file, nameOf(upload, what))
      const existing = await infoOf(file)
      if (existing && !existing.isFile() && !existing.isDirectory()) {
        // A pipe or a device, such as /dev/null.
        await downloadInto(createWriteStream(file), source)
        return undefined
      }
      if (existing?.isDirectory())
        throw new RefusedError(`${nameText(file)} is a directory. Choose another name with -o.`)
      if (existing && !options.force) {
        throw new RefusedError(`${nameText(file)} exists. Choose another name with -o, or replace it with --force.`)
      }
      const size = await downloadTo(file, source)
      output.item({ uploadId: id, file, size }, `${nameText(file)}  ${sizeText(size)}`)
      if (file !== options.file && path.basename(file).startsWith('.'))
        output.note('The name begins with a dot, so most programs hide the file. To choose another name, add -o NAME.')
      return undefined
    })
  },
})

function whatOf({
  processed,
  output,
}: {
  processed?: boolean | undefined
  output?: string | undefined
}): DownloadOptions['what'] {
  if (processed && output !== undefined) throw new UsageError('Use --processed or --output, not both.')
  return output === undefined ? (processed ? 'processed' : 'content') : { output }
}

/** Returns a name for the file. An output without a name of its own is named like the upload and the output, with the ending of its object. */
function nameOf({ filename, outputs, processed }: Upload, what: DownloadOptions['what']): string {
  if (what === 'content' || what === undefined) return filename
  const name = typeof what === 'string' ? 'main' : what.output
  const found = outputs?.find(output => output.name === name)
  const key = found?.s3?.key ?? (name === 'main' ? processed?.key : undefined)
  const { name: stem, ext } = path.parse(filename)
  return found?.filename ?? `${stem}.${name === 'main' ? 'processed' : name}${path.extname(key ?? '') || ext}`
}

/** Returns the path to write to. A name from the api never leads to another folder. */
async function targetOf(wanted: string | undefined, name: string): Promise<string> {
  const safeName = path.basename(name.replaceAll('\\', '/')) || 'download'
  if (wanted === undefined) return safeName
  if ((await infoOf(wanted))?.isDirectory()) return path.join(wanted, safeName)
  const folder = path.dirname(wanted)
  if (wanted.endsWith('/') || !(await infoOf(folder))?.isDirectory()) {
    throw new RefusedError(`There is no directory ${wanted.endsWith('/') ? wanted : folder}. Create it first.`)
  }
  return wanted
}

async function infoOf(file: string): Promise<Stats | undefined> {
  return await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    return undefined
  })
}
