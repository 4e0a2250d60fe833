import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { Headgate } from '../../services/client/index.ts'

/** Uploads the files of a folder with @headgate/client, four at a time. */
const CONCURRENCY = 4
const [folder = '.'] = process.argv.slice(2)
const { API_URL: url = '', API_TOKEN: token = '' } = process.env

const headgate = new Headgate({ url, getToken: () => token })
const waiting = (await readdir(folder)).values()

async function work(): Promise<void> {
  for (const name of waiting) await headgate.upload(path.join(folder, name))
}

await Promise.all(Array.from({ length: CONCURRENCY }, work))
