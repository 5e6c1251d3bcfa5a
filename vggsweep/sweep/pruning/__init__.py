"""Pruners: who decides, epoch by epoch, whether a trial goes on."""
