import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { openFile } from '../../services/client/file.ts'

const GIB = 1024 ** 3

t.test('a file of 5 GiB has its size, and every range of it has its bytes', async t => {
  const name = path.join(t.testdir(), 'video.mp4')
  const size = 5 * GIB + 7
  const marks = [0, 2 * GIB - 2, 2 * GIB, 4 * GIB - 2, 4 * GIB, size - 4]
  const fd = openSync(name, 'w')
  // A sparse file: only the marks need space on the disk.
  ftruncateSync(fd, size)
  for (const at of marks) writeSync(fd, `at ${marks.indexOf(at)}`, at)
  closeSync(fd)

  const { blob } = await openFile(name)
  t.equal(blob.size, size)
  const read = async (start: number, end?: number) => {
    const piece = blob.slice(start, end)
    const bytes = await buffer(piece.stream())
    t.equal(bytes.length, piece.size)
    return bytes.toString()
  }
  for (const at of marks.filter(at => ![2 * GIB - 2, 4 * GIB - 2].includes(at))) {
    t.equal(await read(at, at + 4), `at ${marks.indexOf(at)}`)
  }
  t.equal(await read(2 * GIB - 2, 2 * GIB + 4), 'atat 2', 'across 2 GiB')
  t.equal(await read(4 * GIB - 2, 4 * GIB + 4), 'atat 4', 'across 4 GiB')
  t.equal(await read(-4), 'at 5')
  t.equal(await read(size - 2, size + 100), ' 5')
  t.equal(await read(8, 3), '')
  const part = blob.slice(4 * GIB - 10, size)
  t.equal((await buffer(part.slice(10, 14).stream())).toString(), 'at 4', 'a range of a range')
})
