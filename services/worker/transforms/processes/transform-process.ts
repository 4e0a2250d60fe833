/**
 * The program of a process that transforms uploads, one at a time. Descriptor 3 is the link to its parent. Descriptor 4 closes when the
 * parent ends, because only the parent holds its other end. The argument is the maximum memory, in bytes.
 */
import { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { type CheckedOutput, outputsOf } from '../outputs.ts'
import { createTransform, type TransformSource } from '../rules/transform-source.ts'
import type { Transform } from '../transform.ts'
import { createLink } from './link.ts'
import { setMemoryLimit } from './memory.ts'
import { CONTROL, FIRST_BODY, type ProcessTask, type RemoteOutput } from './protocol.ts'
import { inPieces, readRemote, serveIterable } from './remote-iterable.ts'
import { toWire } from './wire-error.ts'

/**
 * Kills the process when its parent has ended, even by SIGKILL. It runs in another thread, because the main thread may compute without a
 * pause.
 */
const WATCH_PARENT = `
  const { Socket } = require('node:net')
  // The signal goes to the whole process group, with all programs that were started.
  const end = () => process.kill(-process.pid, 'SIGKILL')
  new Socket({ fd: 4 }).on('error', end).on('close', end).resume()`

/** The transforms that this process has created. A module is loaded once, not for each upload. */
const transforms = new Map<string, Promise<Transform>>()

function transformOf(source: TransformSource): Promise<Transform> {
  const known = JSON.stringify(source)
  const created = transforms.get(known) ?? createTransform(source)
  transforms.set(known, created)
  return created
}

function main(): void {
  setMemoryLimit(Number(process.argv[2]))
  new Worker(WATCH_PARENT, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 8 } }).unref()
  const end = () => process.kill(-process.pid, 'SIGKILL')
  const stream = new Socket({ fd: 3 })
  const link = createLink(stream, { onGone: end })
  const control = link.port(CONTROL)
  let nextBody = FIRST_BODY
  let aborter = new AbortController()

  async function run({ source, upload, input, outputs }: ProcessTask): Promise<void> {
    aborter = new AbortController()
    const { signal } = aborter
    const bodies: Promise<void>[] = []
    async function* applied(): AsyncGenerator<CheckedOutput> {
      const bytes = readRemote<Uint8Array>(link.port(input), { unpack: payload => payload, isAhead: true, signal })
      yield* outputsOf(await transformOf(source), bytes, { upload, signal })
    }
    await serveIterable(link.port(outputs), applied(), ({ body, ...head }) => {
      const port = link.port(nextBody++)
      bodies.push(serveIterable(port, inPieces(body), piece => piece))
      return Buffer.from(JSON.stringify({ ...head, body: port.number } satisfies RemoteOutput))
    })
    await Promise.all(bodies)
    control.post('ended')
  }

  control.listen((kind, payload) => {
    if (kind === 'start') void run(JSON.parse(payload.toString()) as ProcessTask)
    // By then the work that was requested before has started, and gets the signal.
    else if (kind === 'abort') setImmediate(controller => controller.abort(), aborter)
  })
  // After an uncaught error the state of the process is unknown, so it ends and the next upload gets another process.
  process.on('uncaughtException', error => {
    control.post('fatal', toWire(error))
    stream.end(end)
  })
  control.post('ready')
}

main()
