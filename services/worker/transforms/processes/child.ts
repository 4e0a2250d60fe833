import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import path from 'node:path'
import type { Duplex, Readable } from 'node:stream'
import { ProcessEndedError, ProcessLimitError, ProcessStartError, TransformError } from '../../errors.ts'
import type { Frame } from './frames.ts'
import { createLink, type Link } from './link.ts'
import { createPrintLimit } from './print-limit.ts'
import { CONTROL } from './protocol.ts'
import type { Excess, Limits, Stopwatch } from './stopwatch.ts'
import { readUsage, type Usage } from './usage.ts'
import { fromWire, readWireError } from './wire-error.ts'

/** A process for transforms, seen from its parent. */
export interface Child {
  readonly link: Link
  /** Resolves when the process takes work. @throws ProcessStartError */
  readonly ready: Promise<void>
  /** Resolves with the reason once the process has ended. */
  readonly ended: Promise<Error>
  /** True once it has worked on an upload: what that left in its memory counts against the next. */
  isUsed: boolean
  /** What it used when it was ready. */
  readonly usageAtStart: Usage | undefined
  /** Measures until the returned function is called, and ends the process when it is over a limit. */
  limit(limits: Limits, stopwatch: Stopwatch): () => void
  /** Returns what the process uses, or undefined where that is not known. */
  usage(): Usage | undefined
  /** Calls back when the process has said that it is done with its upload. */
  onDone(callback: () => void): void
  /** Ends the process at once. */
  kill(): void
  /** Whether the process keeps the parent from ending. */
  hold(isHeld: boolean): void
}

/** The worker's own loop, and small uploads in it, come first. */
const PRIORITY = 10
const AUTOGROUP_TRIES = 20
const AUTOGROUP_RETRY_MS = 150
/** A process can grow by some 50 MiB in this time. In milliseconds. */
const CHECK_EVERY_MS = 25
/** Of low priority, it takes its time on a busy machine. In milliseconds. */
const START_MS = 120_000
/** Of JavaScript, the share of the memory that a process has. The rest is for Node itself, buffers and native code. */
const HEAP_SHARE = 0.75
/** What is kept of the last words of a process, in UTF-16 units. */
const LAST_WORDS = 4_096
/** How long after the end of a process its last words are waited for. In milliseconds. */
const LAST_WORDS_MS = 1_000
const PROGRAM = path.join(import.meta.dirname, `transform-process${path.extname(import.meta.filename)}`)

/** One upload at a time needs one thread beside JavaScript's; the second is for what Node does itself. */
const ENVIRONMENT = { UV_THREADPOOL_SIZE: '2', VIPS_CONCURRENCY: '1', MALLOC_ARENA_MAX: '2' }

export function startChild(memoryBytes: number): Child {
  const heapMiB = Math.floor((memoryBytes * HEAP_SHARE) / 1024 ** 2)
  const child = spawn(process.execPath, [`--max-old-space-size=${heapMiB}`, PROGRAM, String(memoryBytes)], {
    env: { ...process.env, ...ENVIRONMENT },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    // A process group of its own, so that what a module has started ends with its process.
    detached: true,
  })
  confine(child)
  const pipes = child.stdio as [null, Readable, Readable, Duplex, Duplex] | undefined
  if (!pipes) {
    // It says the same, and would end the worker if nobody heard it.
    child.on('error', () => undefined)
    throw new ProcessStartError('A process for transforms did not start: there are no file descriptors for its pipes.')
  }
  const [, stdout, stderr, stream, life] = pipes
  let lastWords = ''
  let excess: { kind: Excess; limits: Limits } | undefined
  let fatal: Error | undefined
  let stopwatch: Stopwatch | undefined
  let onDone: (() => void) | undefined
  let isReady = false
  const ready = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<Error>()
  const self: Child & { usageAtStart: Usage | undefined } = {
    ready: ready.promise,
    ended: ended.promise,
    isUsed: false,
    usageAtStart: undefined,
    link: createLink(stream, {
      onFrame: (frame: Frame, way) => stopwatch?.onFrame(frame, way),
      // Whatever is left of it cannot be talked to.
      onGone: () => kill(),
    }),
    limit(limits, watch) {
      stopwatch = watch
      const timer = setInterval(() => {
        const over = watch.check(self.usage())
        if (over === undefined) return
        excess ??= { kind: over, limits }
        kill()
      }, CHECK_EVERY_MS)
      return () => {
        clearInterval(timer)
        stopwatch = undefined
      }
    },
    usage: () => (child.pid === undefined ? undefined : readUsage(child.pid)),
    onDone: callback => {
      onDone = callback
    },
    kill,
    hold(isHeld) {
      for (const handle of [child, stdout, stderr, stream, life] as unknown as Array<{ ref(): void; unref(): void }>) {
        if (isHeld) handle.ref()
        else handle.unref()
      }
    },
  }

  function kill(): void {
    child.kill('SIGKILL')
    killGroup(child)
  }

  const tooLate = setTimeout(kill, START_MS)
  self.link.port(CONTROL).listen((kind, payload) => {
    if (kind === 'ready') {
      isReady = true
      self.usageAtStart = self.usage()
      clearTimeout(tooLate)
      ready.resolve()
    } else if (kind === 'ended') onDone?.()
    else if (kind === 'fatal') {
      fatal = fromWire(readWireError(payload))
      kill()
    }
  })
  stdout.on('data', createPrintLimit({ write: bytes => void process.stdout.write(bytes) }))
  const printError = createPrintLimit({ write: bytes => void process.stderr.write(bytes) })
  stderr.on('data', (bytes: Buffer) => {
    printError(bytes)
    lastWords = (lastWords + bytes.toString()).slice(-LAST_WORDS)
  })
  // Each says the same as the exit does.
  for (const pipe of [stdout, stderr, life]) pipe.on('error', () => undefined)

  function settle(reason: Error): void {
    clearTimeout(tooLate)
    if (!isReady) ready.reject(new ProcessStartError('A process for transforms did not start.', { cause: reason }))
    ended.resolve(reason)
  }
  child.once('error', settle)
  child.once('exit', (code, signal) => {
    killGroup(child)
    const end = () => settle(reasonOf(code, signal))
    // The last words are there when the pipes are closed. A process that has left the group may keep them open for as long as it runs.
    const late = setTimeout(() => {
      for (const pipe of [stdout, stderr]) pipe.destroy()
      end()
    }, LAST_WORDS_MS)
    child.once('close', () => {
      clearTimeout(late)
      end()
    })
  })
  ready.promise.catch(() => undefined)

  function reasonOf(code: number | null, signal: NodeJS.Signals | null): Error {
    if (excess) return overLimit(excess.kind, excess.limits, self.isUsed)
    if (/JavaScript heap out of memory|process out of memory/.test(lastWords)) {
      return refusal(
        `The transform needs more memory for this content than the ${heapMiB} MiB that it has.`,
        self.isUsed,
      )
    }
    const how = signal === null ? `with code ${code}` : `by ${signal}`
    const cause = fatal ?? (lastWords === '' ? undefined : new Error(lastWords.trim()))
    const message = `The process ended before the work was done, ${how}.`
    return new ProcessEndedError(message, { cause, wasUsed: self.isUsed })
  }
  return self
}

/** Ends whatever the process has started and left, as far as that is in its group still. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // Nothing is left of the group, or nothing that runs.
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ESRCH' && code !== 'EPERM') throw error
  }
}

/** Lowers what the system gives the process, before it has begun to run. */
function confine(child: ChildProcess): void {
  const { pid } = child
  if (pid === undefined) return
  attempt(() => setPriority(pid, PRIORITY))
  if (process.platform !== 'linux') return
  // Where the memory of the container runs out in spite of the limits, it is this process that the system ends.
  attempt(() => writeFileSync(`/proc/${pid}/oom_score_adj`, '1000'))
  // Linux sets the priority of the first thread alone. Later threads inherit it, and the process may have started some by now.
  attempt(() => {
    for (const thread of readdirSync(`/proc/${pid}/task`)) attempt(() => setPriority(Number(thread), PRIORITY))
  })
  lowerGroup(child)
}

/** For what fails if the process or its thread has ended, or the system forbids it: the limits hold without. */
function attempt(change: () => void): void {
  try {
    change()
  } catch {
    // Nothing depends on it.
  }
}

/**
 * Gives the session of the process the same low priority. Linux shares the processors among sessions first, and the process leads
 * a session of its own: without this, its priority counts for nothing outside of containers.
 */
function lowerGroup(child: ChildProcess, triesLeft = AUTOGROUP_TRIES): void {
  // The id of a process that has ended may belong to another one by now.
  if (child.exitCode !== null || child.signalCode !== null) return
  try {
    writeFileSync(`/proc/${child.pid}/autogroup`, String(PRIORITY))
  } catch (error) {
    // The kernel takes ten such changes a second from all users together. Otherwise it has no such groups.
    const isBusy = (error as NodeJS.ErrnoException).code === 'EAGAIN'
    if (isBusy && triesLeft > 0) setTimeout(lowerGroup, AUTOGROUP_RETRY_MS, child, triesLeft - 1).unref()
  }
}

function overLimit(kind: Excess, { memoryBytes, cpuMs, wallMs }: Limits, isUsed: boolean): Error {
  const reason = {
    memory: `The transform needs more memory for this content than the ${Math.round(memoryBytes / 1024 ** 2)} MiB that its process may have.`,
    cpu: `The transform computes for longer on this content than the ${cpuMs / 1_000} s that it may.`,
    wall: `The transform did not go on with this content for ${wallMs / 1_000} s.`,
  }[kind]
  // A busy machine may have had a part in it: a second try tells.
  return kind === 'wall' ? new ProcessLimitError(reason, { wasUsed: isUsed }) : refusal(reason, isUsed)
}

/** What an earlier upload left behind in the process may have had its part in it: then a try in a new process tells. */
function refusal(reason: string, wasUsed: boolean): Error {
  return wasUsed ? new ProcessLimitError(reason, { wasUsed }) : new TransformError(reason)
}
