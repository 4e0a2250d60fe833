/**
 * Ends the process with one line if this Node is too old for Headgate. npm scripts load this file before the program,
 * and the `headgate` command imports it before everything else. It is JavaScript that any Node can parse: an old Node
 * cannot parse the rest, and would report a SyntaxError.
 */
'use strict'

const { existsSync } = require('node:fs')

/** The same version as `engines` in package.json. */
const MINIMUM = [22, 19]

/** Set for npm scripts of a clone. Its `npm ci` installs a Node that runs every script. */
const manifest = process.env.npm_package_name === 'headgate' ? process.env.npm_package_json : undefined

function exit(line) {
  process.stderr.write(`${line}\n`)
  process.exit(1)
}

if (manifest !== undefined && !existsSync(manifest.replace('package.json', 'node_modules'))) {
  exit('Run npm ci first. It installs the packages, and a Node that runs Headgate.')
}
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1])) {
  const wrong = `Headgate needs Node ${MINIMUM.join('.')} or newer. This is Node ${process.versions.node}`
  exit(manifest === undefined ? `${wrong}, ${process.execPath}.` : `${wrong}. Run npm ci, which installs a newer one.`)
}
