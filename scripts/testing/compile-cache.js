/**
 * Loaded into each test file's process: keeps compiled code where `bin/postern.js` does. Most of what a
 * process of these tests does is to strip types from the same files and to compile them. It is JavaScript,
 * so that programs of which everything is kept need not load what strips types.
 */
import module from 'node:module';
import { join } from 'node:path';

module.enableCompileCache(join(import.meta.dirname, '../../node_modules/.cache/postern'));
