import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from 'typebox'
import type { Headgate, Upload } from '../../../client/index.ts'
import { defineCommand } from '../../command.ts'
import { exitCodes } from '../../errors.ts'
import { nameText, type Output } from '../../output.ts'
import { PROFILE_HELP, profileOption, withClient } from '../../session/connect.ts'
import { uploadId } from './upload-ids.ts'
import { outputLines } from './upload-text.ts'

const POLL_MS = 2_000
const WATCHED = 100

export const watch = defineCommand({
  name: 'watch',
  group: 'upload',
  summary: 'follow an upload until it is processed, or all of your uploads',
  operands: '[ID]',
  details: `Prints a line for every change. With ID, exits with 0 when the upload is processed, and with 1 if it failed or was deleted. Without
ID, shows the newest ${WATCHED} uploads and runs until Ctrl-C.

${PROFILE_HELP}`,
  options: profileOption,
  config: Type.Object({}),
  async run({ options, operands, env, output }) {
    const id = operands.length === 0 ? undefined : uploadId(operands)
    return await withClient({ env, options, output }, async ({ headgate, signal }) =>
      id === undefined ? await watchAll(headgate, signal, output) : await watchOne(headgate, id, signal, output),
    )
  },
})

async function watchOne(headgate: Headgate, id: string, signal: AbortSignal, output: Output): Promise<number> {
  let last: Upload | undefined
  for await (const event of headgate.events(id, { signal })) {
    if (event.type === 'deleted') {
      output.item({ uploadId: id, deleted: true }, `deleted     ${id}`)
      return exitCodes.failed
    }
    print(event.upload, output)
    last = event.upload
  }
  // The api ends the events of an upload that was final from the beginning without any.
  last ??= await headgate.status(id, { signal })
  return last.status === 'processed' ? exitCodes.done : exitCodes.failed
}

/** Never resolves: it ends by the signal. */
async function watchAll(headgate: Headgate, signal: AbortSignal, output: Output): Promise<never> {
  const seen = new Map<string, string>()
  for (;;) {
    const uploads: Upload[] = []
    for await (const upload of headgate.list({ pageSize: WATCHED, signal })) {
      uploads.push(upload)
      if (uploads.length === WATCHED) break
    }
    for (const upload of uploads.reverse()) {
      if (seen.get(upload.uploadId) === upload.updatedAt) continue
      seen.set(upload.uploadId, upload.updatedAt)
      print(upload, output)
    }
    await sleep(POLL_MS, undefined, { signal })
  }
}

function print(upload: Upload, output: Output): void {
  const { uploadId: id, status, filename, failure } = upload
  const reason = failure === undefined ? '' : `: ${failure.reason}`
  output.item(
    upload,
    [`${status.padEnd(10)}  ${id}  ${nameText(filename)}${reason}`, ...outputLines(upload)].join('\n'),
  )
}
