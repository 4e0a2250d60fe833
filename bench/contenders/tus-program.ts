import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { Upload } from 'tus-js-client'

/** Uploads the files of a folder with tus-js-client and its default settings, four at a time. */
const CONCURRENCY = 4
const [folder = '.'] = process.argv.slice(2)
const { API_URL: url = '', API_TOKEN: token = '' } = process.env

const waiting = (await readdir(folder)).values()

async function work(): Promise<void> {
  for (const filename of waiting) {
    const file = createReadStream(path.join(folder, filename))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    new Upload(file, {
      endpoint: `${url}/uploads/tus`,
      headers: { authorization: `Bearer ${token}` },
      metadata: { filename },
      onSuccess: () => resolve(),
      onError: reject,
    }).start()
    await promise
    // tus-js-client opens the file again by its path, and leaves this stream open.
    file.destroy()
  }
}

await Promise.all(Array.from({ length: CONCURRENCY }, work))
