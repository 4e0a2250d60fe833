import path from 'node:path'
import { crc32 } from 'node:zlib'
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { CloudFormation, Resource } from '../../infra/support/synthesize.ts'
import { ASSETS } from './stacks.ts'

const KEY = 'bootstrap.zip'
const NAME = 'bootstrap'

/**
 * Stores the code of all functions where their template refers to it. The code is a script that starts the image's own
 * entry point in the image's own files, `app`, with variables that AWS sets or that the tests add.
 */
export async function putCode(s3: S3Client, app: string, env: Readonly<Record<string, string>>): Promise<void> {
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}`)
  const script = [
    '#!/bin/sh',
    'export AWS_LAMBDA_LOG_GROUP_NAME="/aws/lambda/$AWS_LAMBDA_FUNCTION_NAME"',
    ...exports,
    `cd ${quoted(app)}`,
    `exec ${quoted(process.execPath)} ${quoted(path.join(app, 'dist/services/lambda-start.js'))} "$_HANDLER"`,
  ]
  const Body = zip(NAME, Buffer.from(`${script.join('\n')}\n`))
  await s3.send(new PutObjectCommand({ Bucket: ASSETS, Key: KEY, Body }))
}

/**
 * Returns the template with every function of the image as a function of that code: an image would need a registry and
 * a Docker engine.
 */
export function withCode(template: CloudFormation): CloudFormation {
  const resources = Object.entries(template.Resources).map(([id, resource]) => [id, replaceImage(resource)])
  return { ...template, Resources: Object.fromEntries(resources) }
}

function replaceImage(resource: Resource): Resource {
  if (resource.Type !== 'AWS::Lambda::Function' || resource.Properties?.PackageType !== 'Image') return resource
  const { PackageType: _type, ImageConfig, Code: _code, ...kept } = resource.Properties
  const [Handler] = (ImageConfig as { Command: string[] }).Command
  const Code = { S3Bucket: ASSETS, S3Key: KEY }
  return { ...resource, Properties: { ...kept, Runtime: 'provided.al2023', Handler, Code } }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** Unix, and an executable file: the upper half of the external attributes. */
const EXECUTABLE = 0o100755

/**
 * Returns a zip archive of one file, without compression: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
function zip(name: string, data: Buffer): Buffer {
  const nameBytes = Buffer.from(name)
  const shared = Buffer.alloc(26)
  shared.writeUInt16LE(20, 0)
  shared.writeUInt32LE(crc32(data), 10)
  shared.writeUInt32LE(data.length, 14)
  shared.writeUInt32LE(data.length, 18)
  shared.writeUInt16LE(nameBytes.length, 22)
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), shared, nameBytes, data])
  const place = Buffer.alloc(14)
  place.writeUInt32LE(EXECUTABLE * 2 ** 16, 6)
  const central = Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 3]), shared, place, nameBytes])
  const end = Buffer.alloc(18)
  end.writeUInt16LE(1, 4)
  end.writeUInt16LE(1, 6)
  end.writeUInt32LE(central.length, 8)
  end.writeUInt32LE(local.length, 12)
  return Buffer.concat([local, central, Buffer.from('PK\x05\x06'), end])
}
