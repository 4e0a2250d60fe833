import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { sizeText } from '../../../services/cli/sizes.ts'
import { createProgress, frame } from '../../../services/cli/uploading/progress.ts'
import type { UploadStatus } from '../../../services/client/index.ts'

const MIB = 1024 ** 2

t.test('the display has a bar for each file, and one for all with the rate and the time left', async t => {
  const moving = new Map([
    [{ path: 'a.jpg', size: 4 * MIB }, { sentBytes: MIB }],
    [{ path: 'b.jpg', size: 0 }, { sentBytes: 0 }],
  ])
  const totals = { files: 5, doneFiles: 3, bytes: 100 * MIB, sentBytes: 40 * MIB, rate: 2 * MIB }
  t.strictSame(frame(moving, totals, 100, 0), [
    '[######------------------]  25%  a.jpg',
    '[########################] 100%  b.jpg',
    ' 40%  3 of 5 files, 40.0 MiB of 100 MiB, 2.00 MiB/s, 30s left',
  ])
  t.equal(frame(new Map(), { ...totals, rate: undefined }, 100, 0).at(-1), ' 40%  3 of 5 files, 40.0 MiB of 100 MiB')
})

t.test('the display fits into the terminal, and shows no control characters of a name', async t => {
  const moving = new Map(
    Array.from({ length: 20 }, (_, index) => [
      { path: `${'x'.repeat(200)}\u001b[2J${index}`, size: 10 },
      { sentBytes: 5 },
    ]),
  )
  const lines = frame(moving, { files: 20, doneFiles: 0, bytes: 200, sentBytes: 100, rate: 0 }, 60, 0)
  t.equal(lines.length, 10)
  t.equal(lines[8], 'and 12 more')
  for (const line of lines) {
    t.ok(line.length < 60)
    t.notMatch(line, '\u001b')
  }
})

t.test('a file that waits for its processing shows what it waits for, and how long', async t => {
  const waiting = (status: UploadStatus) => ({ sentBytes: 10, waiting: { status, since: 1_000 } })
  const moving = new Map([
    [{ path: 'a.jpg', size: 10 }, waiting('queued')],
    [{ path: 'b.jpg', size: 10 }, waiting('processing')],
  ])
  const totals = { files: 2, doneFiles: 0, bytes: 20, sentBytes: 20, rate: 7 }
  t.strictSame(frame(moving, totals, 100, 13_500), [
    'waiting for a worker for 12s  a.jpg',
    'being processed for 12s  b.jpg',
    '100%  0 of 2 files, 20 B of 20 B',
  ])
  t.equal(frame(new Map(), { ...totals, files: 1 }, 100, 0).at(-1), '100%  0 of 1 file, 20 B of 20 B')
})

t.test('the time of waiting begins when the file has arrived, not with each status', async t => {
  const screen = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 })
  const file = { path: 'a.jpg', size: 10 }
  const display = createProgress(screen as unknown as NodeJS.WriteStream, [file], { TERM: 'xterm' })
  display.update(file, 10)
  display.wait(file, 'queued')
  display.wait(file, 'processing')
  let drawn = ''
  for (; !drawn.includes('being processed for 1s'); drawn += screen.read() ?? '') await once(screen, 'readable')
  display.stop()
  t.notMatch(drawn, 'waiting for a worker')
})

t.test('sizes have three digits', async t => {
  const sizes = [0, 999, 1_000, 1_023, 1_024, 15_000, 1_000_000, 5 * 1024 ** 3, 3 * 1024 ** 5].map(sizeText)
  t.strictSame(sizes, [
    '0 B',
    '999 B',
    '0.98 KiB',
    '1.00 KiB',
    '1.00 KiB',
    '14.6 KiB',
    '977 KiB',
    '5.00 GiB',
    '3072 TiB',
  ])
})

t.test('a dumb terminal, which cannot move its cursor, and one without rows get no bars', async t => {
  for (const [TERM, rows, isDrawn] of [
    ['dumb', 24, false],
    ['xterm', 0, false],
    ['xterm', 24, true],
  ] as const) {
    const screen = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows })
    const file = { path: 'a.jpg', size: 10 }
    const display = createProgress(screen as unknown as NodeJS.WriteStream, [file], { TERM })
    const drawn = once(screen, 'readable')
    display.update(file, 5)
    if (isDrawn) await drawn
    display.stop()
    t.equal(screen.readableLength > 0, isDrawn, `${TERM}, ${rows} rows`)
  }
})
