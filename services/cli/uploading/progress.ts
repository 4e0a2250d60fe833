import { createLogUpdate } from 'log-update'
import type { UploadStatus } from '../../client/index.ts'
import { nameText } from '../output.ts'
import { sizeText } from '../sizes.ts'
import { ageText } from '../times.ts'

/** A file of the command. */
export interface ShownFile {
  path: string
  /** Bytes. */
  size: number
}

/** Shows how far the files of a command are. */
export interface ProgressDisplay {
  /** Begins a file, or sets how much of it was sent. */
  update(file: ShownFile, sentBytes: number): void
  /** Sets the status of a file that has arrived and is not processed yet. */
  wait(file: ShownFile, status: UploadStatus): void
  /** Ends a file. Nothing was sent of a file that was there, or that failed: it does not count for the rate. */
  end(file: ShownFile, isSkipped: boolean): void
  /** Prints lines above the bars. */
  above(print: () => void): void
  stop(): void
}

/** How far a file is. */
export interface FileState {
  sentBytes: number
  /** Set while the file waits for its processing. */
  waiting?: { status: UploadStatus /** By the clock of `performance.now()`. */; since: number }
}

export interface Totals {
  files: number
  doneFiles: number
  bytes: number
  sentBytes: number
  /** Bytes for each second, over the last seconds. Undefined at the beginning. */
  rate: number | undefined
}

/** What the user reads while a file waits with a status. The final ones are shown until the next redraw. */
const WAITS_FOR: Readonly<Record<UploadStatus, string>> = {
  pending: 'waiting for its bytes',
  stored: 'waiting for its event on the stream',
  queued: 'waiting for a worker',
  scanning: 'being scanned for malware',
  processing: 'being processed',
  processed: 'processed',
  failed: 'failed',
  quarantined: 'quarantined',
}

const REDRAW_MS = 100
const RATE_WINDOW_MS = 5_000
const MAX_BARS = 8
const MAX_BAR_WIDTH = 24
const DEFAULT_COLUMNS = 80

/**
 * Creates the display of an upload: a bar for each file and one for all, with the rate and the time left.
 *
 * @param screen a stream that is no terminal, or a dumb one, gets no bars
 */
export function createProgress(
  screen: NodeJS.WriteStream | undefined,
  files: readonly ShownFile[],
  env = process.env,
): ProgressDisplay {
  // A dumb terminal, such as the shell of an editor, cannot move its cursor. log-update shows nothing in a terminal without rows, as of
  // `script` in a job.
  if (!screen?.isTTY || screen.rows === 0 || env.TERM === 'dumb') {
    return {
      update: () => undefined,
      wait: () => undefined,
      end: () => undefined,
      above: print => print(),
      stop: () => undefined,
    }
  }
  const show = createLogUpdate(screen)
  const moving = new Map<ShownFile, FileState>()
  const samples: Array<{ at: number; sentBytes: number }> = []
  let bytes = files.reduce((sum, { size }) => sum + size, 0)
  let doneFiles = 0
  let doneBytes = 0
  const draw = () => {
    const now = performance.now()
    const sentBytes = doneBytes + [...moving.values()].reduce((sum, state) => sum + state.sentBytes, 0)
    samples.push({ at: now, sentBytes })
    while ((samples[0]?.at ?? now) < now - RATE_WINDOW_MS) samples.shift()
    const totals = { files: files.length, doneFiles, bytes, sentBytes, rate: rateOf(samples) }
    show(frame(moving, totals, screen.columns ?? DEFAULT_COLUMNS, now).join('\n'))
  }
  const timer = setInterval(draw, REDRAW_MS)
  return {
    update: (file, sentBytes) => void moving.set(file, { sentBytes }),
    wait(file, status) {
      const since = moving.get(file)?.waiting?.since ?? performance.now()
      moving.set(file, { sentBytes: file.size, waiting: { status, since } })
    },
    end(file, isSkipped) {
      moving.delete(file)
      doneFiles++
      if (isSkipped) bytes -= file.size
      else doneBytes += file.size
    },
    above(print) {
      show.clear()
      print()
      draw()
    },
    stop() {
      clearInterval(timer)
      show.clear()
      show.done()
    },
  }
}

function rateOf(samples: ReadonlyArray<{ at: number; sentBytes: number }>): number | undefined {
  const first = samples[0]
  const last = samples.at(-1)
  if (!first || !last || last.at - first.at < 1_000) return undefined
  return Math.max(0, ((last.sentBytes - first.sentBytes) * 1_000) / (last.at - first.at))
}

/** Returns the lines of the display: a bar for each of the first files, and one for all. */
export function frame(
  moving: ReadonlyMap<ShownFile, FileState>,
  totals: Totals,
  columns: number,
  now: number,
): string[] {
  const shown = [...moving].slice(0, MAX_BARS)
  const barWidth = Math.min(MAX_BAR_WIDTH, Math.floor(columns / 4))
  const lines = shown.map(([{ path, size }, { sentBytes, waiting }]) => {
    const state = waiting ? `${WAITS_FOR[waiting.status]} for ${ageText(now - waiting.since)}` : undefined
    // The name comes last, because the end of a long line is cut.
    return [state ?? barText(sentBytes, size, barWidth), nameText(path)].join('  ')
  })
  if (moving.size > shown.length) lines.push(`and ${moving.size - shown.length} more`)
  const { doneFiles, files: count, sentBytes, bytes, rate } = totals
  const left = rate ? `, ${ageText(Math.max(0, ((bytes - sentBytes) / rate) * 1_000))} left` : ''
  // While the files wait for their processing, nothing is sent.
  const speed = rate === undefined || sentBytes >= bytes ? '' : `, ${sizeText(rate)}/s${left}`
  lines.push(
    `${percentText(sentBytes, bytes)}  ${doneFiles} of ${count} ${count === 1 ? 'file' : 'files'}, ${sizeText(sentBytes)} of ${sizeText(bytes)}${speed}`,
  )
  return lines.map(line => line.slice(0, Math.max(20, columns - 1)))
}

function barText(sent: number, total: number, width: number): string {
  const filled = Math.floor(shareOf(sent, total) * width)
  return `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}] ${percentText(sent, total)}`
}

function percentText(sent: number, total: number): string {
  return `${String(Math.floor(shareOf(sent, total) * 100)).padStart(3)}%`
}

function shareOf(sent: number, total: number): number {
  return total === 0 ? 1 : Math.min(1, sent / total)
}
