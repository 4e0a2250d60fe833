import fs from 'node:fs'
import path from 'node:path'

interface Write {
  stream: fs.WriteStream
  publish(): void
}

/**
 * Makes this process write the file of that name to a temporary file, and then rename it. kinesis-local truncates its
 * data file and writes it again every second. If it were killed in between, half a file would be left, and
 * kinesis-local would not start again.
 */
export function persistAtomically(name: string): void {
  const open = new Set<Write>()
  const createWriteStream = fs.createWriteStream

  function createWhole(file: string, options: object): fs.WriteStream {
    if (path.basename(file) !== name) return createWriteStream(file, options)
    const beside = `${file}.next`
    const write: Write = {
      stream: createWriteStream(beside, { ...options, fs: { ...fs, close } }),
      publish: () => {
        if (!open.delete(write) || !write.stream.writableFinished) return
        fs.renameSync(beside, file)
      },
    }
    open.add(write)
    function close(fd: number, done: (error?: Error | null) => void): void {
      fs.close(fd, error => {
        write.publish()
        done(error)
      })
    }
    return write.stream
  }

  Object.assign(fs, { createWriteStream: createWhole })
  // The program exits as soon as its last byte is written, which is before the file is closed.
  process.on('exit', () => {
    for (const write of open) write.publish()
  })
}
